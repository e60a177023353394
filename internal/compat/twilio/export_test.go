package twilio

// Routes are all operations, as the log names them.
func Routes() []string {
	var all []string
	for _, rt := range routes() {
		all = append(all, rt.method+" "+Mount+rt.path)
	}
	return all
}
