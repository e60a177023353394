package app

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/delivery"
)

// Document is docs/configuration.md: every key, as the types above define it. A test keeps the file equal to this.
func Document() string {
	var b strings.Builder
	b.WriteString(documentHead)
	root := reflect.TypeFor[Config]()
	heading(&b, "## Keys at the top")
	rows(&b, root, "", nil)
	for i := range root.NumField() {
		f := root.Field(i)
		if name := f.Tag.Get("yaml"); f.Type.Kind() == reflect.Struct && !isScalar(f.Type) {
			heading(&b, "## "+name)
			fmt.Fprintf(&b, "%s\n\n", f.Tag.Get("doc"))
			rows(&b, f.Type, name, nil)
		}
	}
	heading(&b, "## providers")
	b.WriteString("A list of tables. `type` says which keys an entry has beside it.\n")
	for _, t := range providerTypes() {
		fmt.Fprintf(&b, "\n### type: %s\n\nThis is %s.\n\n", t.name, t.doc)
		rows(&b, reflect.TypeOf(t.pick(new(Provider))).Elem(), "", providerDocs()[t.name])
	}
	heading(&b, "## routes")
	b.WriteString("A list of tables.\n\n")
	rows(&b, reflect.TypeFor[delivery.Rule](), "", ruleDocs())
	rows(&b, reflect.TypeFor[delivery.Match](), "match", matchDocs())
	b.WriteString(documentTail)
	return strings.ReplaceAll(b.String(), "|\n|", "|\n|")
}

func heading(b *strings.Builder, text string) { fmt.Fprintf(b, "\n%s\n\n", text) }

// rows writes a line for each key of a struct that is no table of its own. docs are for structs of other packages,
// which carry no tag doc.
func rows(b *strings.Builder, t reflect.Type, table string, docs map[string]string) {
	own := table == "match"
	if !own {
		b.WriteString("| Key | Default | Means |\n| --- | --- | --- |\n")
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "-" || f.Type.Kind() == reflect.Struct && !isScalar(f.Type) {
			continue
		}
		doc := f.Tag.Get("doc")
		if docs != nil {
			doc = docs[name]
		}
		if own {
			name = table + "." + name
		}
		fmt.Fprintf(b, "| `%s`%s | %s | %s |\n", name, alsoFile(f), defaultText(f.Tag), strings.TrimSpace(doc+" "+boundsText(f.Tag)))
	}
}

func alsoFile(f reflect.StructField) string {
	switch {
	case f.Tag.Get("env") == "only":
		return ", environment only"
	case f.Type == secretType:
		return ", `" + f.Tag.Get("yaml") + "_file`"
	}
	return ""
}

func defaultText(tag reflect.StructTag) string {
	if d := tag.Get("default"); d != "" {
		return "`" + d + "`"
	}
	return ""
}

func boundsText(tag reflect.StructTag) string {
	var parts []string
	if enum := tag.Get("enum"); enum != "" {
		parts = append(parts, "One of: "+strings.ReplaceAll(enum, ",", ", ")+".")
	}
	if least, most, ok := strings.Cut(tag.Get("range"), ".."); ok {
		parts = append(parts, least+" to "+most+".")
	}
	if example := tag.Get("example"); example != "" {
		parts = append(parts, "Example: `"+example+"`.")
	}
	return strings.Join(parts, " ")
}

// Variables are the names of all variables that Load reads beside ConfigVariable, in order.
func Variables() []string {
	c := Config{SMTP: newSMTP()}
	var names []string
	for _, v := range variables(reflect.ValueOf(&c).Elem(), "") {
		names = append(names, v.name)
	}
	slices.Sort(names)
	return names
}

// providerDocs says what the keys of each type of provider mean, by type and key.
func providerDocs() map[string]map[string]string {
	return map[string]map[string]string{
		"relay": {
			"name":            "Its name: in routes, in metrics, and in the address of its receipts, `/callbacks/{name}`.",
			"channels":        "What it carries: sms, voice, whatsapp.",
			"url":             "Where messages are posted. A private address needs `egress.allow`.",
			"secret":          "Signs what is posted, and proves receipts: `whsec_` and the base64 of 24 to 64 random bytes.",
			"previous_secret": "The secret before, valid beside the new one while receivers change over.",
			"receipts":        "What its receipts name a delivery by: `delivery_id`, ours (the usual), or `reference`, its own.",
		},
		"smtp": {
			"name":            "Its name, in routes and metrics.",
			"channels":        "email; may be left out.",
			"address":         "Host and port of the mail server, such as `mail.example.net:587`. A private address needs `egress.allow`.",
			"from":            "The sender, with or without a name: `Acme <no-reply@example.net>`. A mail to a customer has the name of the firm or service that asks instead, unless the `sender` of its route has one; mails to operators have this one.",
			"tls":             "`starttls` (the usual, port 587), `implicit` (port 465) or `none`.",
			"username":        "For servers that ask for one.",
			"password":        "Belongs to username.",
			"ca_file":         "Authorities of the server's certificate, in PEM form. Without it, those of the system.",
			"allow_plaintext": "Lets `tls: none` leave this machine. Codes are then readable on the way.",
			"connections":     "At most so many connections at once; 10 when left out.",
		},
	}
}

func ruleDocs() map[string]string {
	return map[string]string{
		"use":    "Names of providers, in the order of failover.",
		"sender": "Number or name shown as the sender. Without it, the provider's own.",
	}
}

func matchDocs() map[string]string {
	return map[string]string{
		"channel": "sms, voice, whatsapp or email. Must be given.",
		"country": "Countries of the number, as two capital letters of ISO 3166. Without it, all. Not for email.",
		"tenant":  "The id of a tenant, `ten_...`. Without it, all.",
	}
}

const documentHead = `# Configuration

<!-- Written from the types in internal/app/config.go. To change it, change them and run:
go test ./internal/app -run TestTheDocumentIsWhatTheTypesSay -update -->

` + "`countersign serve` works without any of this: it listens on loopback, keeps an SQLite database in `data`, and has nothing to\n" +
	"send with. One YAML file changes that, named by `--config FILE` or `COUNTERSIGN_CONFIG`. A key that is not listed here is\n" +
	"refused, and all faults are told at once, each with its line. `countersign doctor` looks further: at files, clock, disk,\n" +
	"database and providers.\n\n" +
	"Every key outside of `providers` and `routes` can be set by the environment too, and the environment wins over the file:\n" +
	"`log.level` is `COUNTERSIGN_LOG_LEVEL`; parts of a list are put between commas. Where a value is secret, `KEY_file` names a file\n" +
	"that holds it (`COUNTERSIGN_KEY_FILE` in the environment). Times have a unit: `30s`, `5m`, `12h`, `90d`.\n"

const documentTail = "\n## An example\n\n```yaml\n" + exampleConfig + "```\n"

// exampleConfig is loaded by a test.
const exampleConfig = `listen: 0.0.0.0:8443
public_url: https://verify.example.com
data_dir: /var/lib/countersign
tls: {cert_file: /etc/countersign/tls.crt, key_file: /etc/countersign/tls.key}
providers:
  - name: main
    type: relay
    channels: [sms, voice, whatsapp]
    url: https://sms.example.net/send
    secret_file: /etc/countersign/main.secret
  - name: post
    type: smtp
    address: mail.example.net:587
    from: Acme <no-reply@example.net>
    username: countersign
    password_file: /etc/countersign/post.password
routes:
  - match: {channel: sms, country: [US, CA]}
    use: [main]
    sender: "+12025550100"
  - match: {channel: sms}
    use: [main]
    sender: Acme
  - match: {channel: email}
    use: [post]
metrics: {listen: 127.0.0.1:9090}
`
