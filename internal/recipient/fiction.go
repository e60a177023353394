package recipient

// fiction is a range kept for films and examples. In its digits, country code included, x stands for any digit.
type fiction struct {
	digits string
	region string
	line   LineType
}

// fictions are the ranges that regulators publish. The rows of North America are missing on purpose: all of
// NPA-555-01xx (ATIS-0300115) is valid by the metadata wherever ordinary numbers of the area are, and a test says so.
var fictions = []fiction{
	{"147255501xx", "US", FixedOrMobile}, // the one area code whose pattern in the metadata leaves 555 out

	// United Kingdom: Ofcom, "Telephone numbers for use in TV and radio drama programmes".
	{"441134960xxx", "GB", Landline},
	{"441144960xxx", "GB", Landline},
	{"441154960xxx", "GB", Landline},
	{"441164960xxx", "GB", Landline},
	{"441174960xxx", "GB", Landline},
	{"441184960xxx", "GB", Landline},
	{"441214960xxx", "GB", Landline},
	{"441314960xxx", "GB", Landline},
	{"441414960xxx", "GB", Landline},
	{"441514960xxx", "GB", Landline},
	{"441614960xxx", "GB", Landline},
	{"441632960xxx", "GB", Landline},
	{"441914980xxx", "GB", Landline},
	{"442079460xxx", "GB", Landline},
	{"442896496xxx", "GB", Landline},
	{"442920180xxx", "GB", Landline},
	{"443069990xxx", "GB", UAN},
	{"447700900xxx", "GB", Mobile},
	{"448081570xxx", "GB", TollFree},
	{"449098790xxx", "GB", Premium},

	// Australia: ACMA, "Phone numbers for use in TV shows, films and creative works".
	{"61255501xxx", "AU", Landline},
	{"61270101xxx", "AU", Landline},
	{"61355501xxx", "AU", Landline},
	{"61370101xxx", "AU", Landline},
	{"61755501xxx", "AU", Landline},
	{"61770101xxx", "AU", Landline},
	{"61855501xxx", "AU", Landline},
	{"61870101xxx", "AU", Landline},
	{"61491570xxx", "AU", Mobile},
	{"611800160401", "AU", TollFree},

	// Ireland: ComReg, numbering conditions, 020 91x xxxx for drama.
	{"3532091xxxxx", "IE", Landline},

	// France: Arcep, decision 2018-0881, numbers for audiovisual works.
	{"3319900xxxx", "FR", Landline},
	{"3326191xxxx", "FR", Landline},
	{"3335301xxxx", "FR", Landline},
	{"3346571xxxx", "FR", Landline},
	{"3353649xxxx", "FR", Landline},
	{"3363998xxxx", "FR", Mobile},

	// Germany: Bundesnetzagentur, "Rufnummern für Film und Fernsehen".
	{"493023125xxx", "DE", Landline},
	{"496990009xxx", "DE", Landline},
	{"494066969xxx", "DE", Landline},
	{"492214710xxx", "DE", Landline},
	{"498999998xxx", "DE", Landline},
	{"491713920xxx", "DE", Mobile},

	// Sweden: PTS, numbers for use in books and films.
	{"463139006xx", "SE", Landline},
	{"464062804xx", "SE", Landline},
	{"468465004xx", "SE", Landline},
	{"469803192xx", "SE", Landline},
	{"467017406xx", "SE", Mobile},
}

// lookupFiction finds a number of the form +digits that is kept for fiction.
func lookupFiction(e164 string) (number, bool) {
	for _, f := range fictions {
		if f.holds(e164[1:]) {
			return number{e164: e164, region: f.region, line: f.line}, true
		}
	}
	return number{}, false
}

func (f fiction) holds(digits string) bool {
	if len(digits) != len(f.digits) {
		return false
	}
	for i := range len(digits) {
		if f.digits[i] != 'x' && f.digits[i] != digits[i] {
			return false
		}
	}
	return true
}
