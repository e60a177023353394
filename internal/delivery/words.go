package delivery

import (
	"time"

	tags "golang.org/x/text/language"
)

// Words are those of a text message with a code in the main language of a country (ISO 3166 alpha-2), with service in them
// and CodeSlot where the code goes, and the locale that they are in. False where there are no texts in that language, and
// where it is the default one: whoever asks has words of their own then. life is the code's, from now.
func (d *Dispatcher) Words(country, service string, life time.Duration) (text, locale string, ok bool) {
	return d.renderer.words(country, service, life)
}

func (r *renderer) words(country, service string, life time.Duration) (text, locale string, ok bool) {
	l := r.language(mainLanguage(country))
	if l.locale == defaultLocale {
		return "", "", false
	}
	v := newValues(Message{ServiceName: service, Life: life})
	v[slotCode] = CodeSlot // as long as a code is, or longer, so that what fits here fits with any code
	return l.sms(Message{}, &v).Text, l.locale, true
}

// mainLanguage is that of a country (ISO 3166 alpha-2), the likely one by CLDR; empty for what is no country.
func mainLanguage(country string) string {
	region, err := tags.ParseRegion(country)
	if err != nil {
		return ""
	}
	main, _ := tags.Make("und-" + region.String()).Base()
	return main.String()
}
