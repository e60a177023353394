package console

import (
	"html/template"
	"time"

	"github.com/countersign/countersign/internal/policy"
)

// The names of the fields that Checks sends; FieldMobile2FA holds one of policy.Modes there.
const (
	FieldVersion     = "version" // of what the form was drawn from
	FieldDemand      = "override_reason"
	FieldEditable    = "editable_by_customer"
	FieldKeepProof   = "keep_proof"
	FieldMinutes     = "code_minutes"
	FieldResends     = "resend_max"
	FieldCoolDowns   = "resend_cooldowns" // seconds, with commas
	FieldLinkHours   = "link_expiry_hours"
	FieldLinkNever   = "link_never"
	FieldReminders   = "reminders"
	FieldReminderAt  = "reminder_days" // days, with commas
	FieldCountries   = "countries"     // two letters each, with commas or spaces
	FieldDefault     = "default_country"
	FieldUsualLocale = "default_locale"
	FieldRedirects   = "redirect_urls" // one a line
	FieldSupport     = "support"
	FieldColours     = "colours" // "on": accent and background are the firm's
	FieldAccent      = "accent"
	FieldBackground  = "background"
	FieldLogo        = "logo"      // a file
	FieldLogoSent    = "logo_sent" // a file that came before, in base64
	FieldLogoAway    = "logo_away"
	FieldConsentText = "consent_text"
	FieldText        = "text"    // text_{key}
	FieldUnsaved     = "unsaved" // texts of another language that were typed before
	FieldOtherLocale = "other_locale"
	FieldPage        = "page"   // one of Previews.Pages or Messages
	FieldScheme      = "scheme" // one of schemes
)

// Changed says who changed something last.
type Changed struct {
	At time.Time // zero: nobody has
	By string
}

// Checks is Settings > Checks.
type Checks struct {
	Frame
	Act     Form
	Version int64
	Last    Changed
	May     bool // the operator may change it; else it is shown and can't be

	Mode                            policy.Mode
	Demand, Editable, KeepProof     bool
	Minutes, Resends, CoolDowns     string // as typed or kept
	LinkHours                       string
	LinkNever                       bool
	Reminders                       bool
	DefaultCountry                  string
	Defaults                        []Option // countries to choose it from
	ReminderDays, Countries, Allows string   // Allows: redirect URLs, one a line
}

// Customisation is Settings > Configurations > Customisation.
type Customisation struct {
	Frame
	Act     Form // multipart
	Version int64
	Last    Changed
	May     bool

	VerifyPhone, VerifyEmail policy.Toggle
	Name, Support            string
	Locales                  []Option // of invitations that name none
	Colours                  bool     // its own
	Accent, Background       string   // #rrggbb, always
	Contrast                 string   // between them, as shown: "7.2"
	Readable                 bool     // it is enough
	LogoURL                  string   // on our own origin; "" without
	LogoFault                string   // why it would not be taken today; ""
	Upload                   string   // a picture that was chosen and is not saved yet, in base64
	TextsURL                 string
	Preview                  Previewed
}

// Previewed shows customers' pages and messages beside the form that decides what is in them, in a frame.
type Previewed struct {
	URL     string   // draws what is kept
	Try     Form     // draws what the form of the page says
	Source  string   // what the frame shows at first
	Pages   []Option // each by its words
	Locale  string   // of these; "" where Locales are offered
	Locales []Option
	Schemes []Option // of colours, which the frame has by its style
}

// Letter is a message that customers get, in that frame: one by e-mail with HTML, else a text message.
type Letter struct {
	Frame
	Message string // its name
	Locale  string // of its words
	Text    string // of a text message, or the plain part of an e-mail

	// Of a text message.
	Encoding        string // one of delivery's
	Units, Segments int
	Bound           bool // to the pages' address, by its last line

	// Of an e-mail.
	From, Address string // whom it comes from; either may be empty
	Subject, HTML string
}

// Unshown stands in that frame when something can't be drawn.
type Unshown struct {
	Frame
	Flaws []Flaw
}

// Flaw is what is wrong with a field, in the place where that can't be seen.
type Flaw struct {
	Field   string // as it is called; "" for what is of none
	Message string
}

// TextRow is one text of the hosted pages that a firm may put its own in place of.
type TextRow struct {
	Key      string
	Where    string // it stands
	Standard string // the product's own, with {names}
	Own      string // as typed or kept; "" is the product's own
}

// Unsaved are words of a language that is not shown, as they were typed.
type Unsaved struct{ Language, Words string }

// Texts is the firm's own words in one language.
type Texts struct {
	Frame
	Act            Form
	Version        int64
	May            bool
	Locale         string
	Locales        []Option
	URL            string    // of this page: ?locale= asks for another language
	Turn           Form      // asks for it with what was typed
	Typed          bool      // what is shown is not what is kept
	Unsaved        []Unsaved // of other languages
	Rows           []TextRow
	Consent        string // as typed or kept; "" is the product's own
	ConsentVersion string // of the texts that customers see now
	Preview        Previewed
}

func (*Checks) name() string        { return "checks" }
func (*Customisation) name() string { return "customisation" }
func (*Texts) name() string         { return "texts" }
func (*Letter) name() string        { return "letter" }
func (*Unshown) name() string       { return "unshown" }

// SettingsTabs are the parts of Settings.
func (s *scene) SettingsTabs(current string) ([]tab, error) {
	return s.Tabs(current, "checks", Prefix+"/settings/checks", "configurations", Prefix+"/settings/customisation")
}

// Modes are the four options of Mobile 2FA.
func (s *scene) Modes() []string {
	var all []string
	for _, m := range policy.Modes {
		all = append(all, string(m))
	}
	return all
}

// Toggles are the defaults for a contact that the customer enters.
func (s *scene) Toggles() []string {
	return []string{string(policy.Off), string(policy.On), string(policy.LockedOn)}
}

// LastChanged says who changed the page last.
func (s *scene) LastChanged(c Changed) (template.HTML, error) {
	if c.At.IsZero() {
		return s.T("changed_never")
	}
	return s.T("changed_last", "who", c.By, "when", s.Time(c.At))
}
