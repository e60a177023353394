package twilio

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/uid"
)

// template is a text of the server as Twilio knows texts. There are only those that come with the server.
type template struct {
	delivery.Template
	id           uid.ID
	friendlyName string
}

// builtIn names the templates. Their SIDs stand in applications: they never change.
var builtIn = map[string]struct {
	n            byte
	friendlyName string
}{
	"verification": {1, "Countersign verification"},
	"payment":      {2, "Countersign payment"},
}

// templateDate is the date of all templates: when their texts change, that is with a new version of the server.
const templateDate = "2026-11-26T00:00:00Z"

// templatesOf gives those of the server's texts that have a name here, in the order of their ids.
func templatesOf(texts []delivery.Template) (all []template) {
	for _, t := range texts {
		if known, ok := builtIn[t.Name]; ok {
			id := uid.ID{15: known.n}
			copy(id[:], "countersign")
			all = append(all, template{Template: t, id: id, friendlyName: known.friendlyName})
		}
	}
	slices.SortFunc(all, func(a, b template) int { return int(a.id[15]) - int(b.id[15]) })
	return all
}

// template finds one by its SID, nil when there is none.
func (d *door) template(text string) *template {
	id, _ := parseSID(sidTemplate, text)
	for i := range d.templates {
		if d.templates[i].id == id {
			return &d.templates[i]
		}
	}
	return nil
}

// templateChannels are the channels of the parameter TemplateSid.
var templateChannels = []delivery.Channel{delivery.SMS, delivery.Voice}

// readTemplate reads which text the message shall have: the one that the request names, or else the service's, where that
// fits. It is nil for the door's own words.
func (st *starting) readTemplate() (*template, error) {
	if given := st.form.Get("TemplateCustomSubstitutions"); given != "" { // no template here has variables of its own
		if !isObject(given) {
			return nil, invalid("TemplateCustomSubstitutions", "Give a JSON object.")
		}
	}
	payment := st.req.Transaction != nil
	given := st.form.Get("TemplateSid")
	if given == "" {
		t := st.template(st.service.Vendor[setTemplate])
		if t == nil || t.Payment && !payment || !slices.Contains(t.Channels, st.req.Channel) {
			return nil, nil
		}
		return t, nil
	}
	t := st.template(given)
	switch {
	case t == nil:
		return nil, errTemplate
	case !slices.Contains(templateChannels, st.req.Channel):
		return nil, errTemplateChannel
	case !slices.Contains(t.Channels, st.req.Channel):
		return nil, errTemplateOff
	case t.Payment && !payment:
		return nil, errSubstitution
	case st.req.Locale != "" && !t.Translated(st.req.Locale):
		return nil, errTranslation
	}
	return t, nil
}

// isObject reports whether text is a JSON object.
func isObject(text string) bool {
	var object map[string]any
	return json.Unmarshal([]byte(text), &object) == nil && object != nil
}

// longestWords is the most characters that a message's own words may have without what an AppHash adds.
const longestWords = 160 - len("<#> ") - len(" 12345678901")

// words are the text of t for a name in place of the service's, with a place for the code.
func (t *template) words(locale, name string, life time.Duration) string {
	minutes := strconv.Itoa(max(1, int(life/time.Minute)))
	return t.Text(locale, delivery.Words{Service: name, Code: delivery.CodeSlot, Minutes: minutes}, longestWords)
}

func (d *door) listTemplates(w http.ResponseWriter, r *http.Request) error {
	all := d.templates
	if name := r.URL.Query().Get("FriendlyName"); name != "" {
		all = slices.DeleteFunc(slices.Clone(all), func(t template) bool { return t.friendlyName != name })
	}
	id := func(t template) uid.ID { return t.id }
	return listed(d, w, r, "templates", all, id, func(t template) templateBody { return t.body(account(r.Context())) })
}

// templateBody is a template in answers.
type templateBody struct {
	SID          string                     `json:"sid"`
	AccountSID   string                     `json:"account_sid"`
	FriendlyName string                     `json:"friendly_name"`
	Channels     []string                   `json:"channels"`
	Translations map[string]translationBody `json:"translations"`
}

// translationBody is a template in one language.
type translationBody struct {
	Default     bool   `json:"is_default_translation"`
	Status      string `json:"status"`
	Locale      string `json:"locale"`
	Text        string `json:"text"`
	DateCreated string `json:"date_created"`
	DateUpdated string `json:"date_updated"`
}

func (t template) body(account string) templateBody {
	b := templateBody{SID: sid(sidTemplate, t.id), AccountSID: account, FriendlyName: t.friendlyName, Translations: map[string]translationBody{}}
	for _, ch := range t.Channels {
		b.Channels = append(b.Channels, string(ch)) // Twilio, too, says voice here
	}
	variables := delivery.Words{Service: "{{friendly_name}}", Code: "{{code}}", Minutes: "{{ttl}}", Amount: "{{amount}}", Payee: "{{payee}}"}
	for _, locale := range t.Locales() {
		b.Translations[locale] = translationBody{
			Default: locale == "en", Status: "approved", Locale: locale, Text: t.Text(locale, variables, 1000),
			DateCreated: templateDate, DateUpdated: templateDate,
		}
	}
	return b
}
