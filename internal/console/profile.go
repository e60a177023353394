package console

import (
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

const (
	pathProfile     = Prefix + "/profile"
	pathPassword    = pathProfile + "/password"
	pathCodes       = pathProfile + "/recovery-codes"
	pathEndSession  = pathProfile + "/sessions/end"
	pathEndSessions = pathProfile + "/sessions/end-others"
)

// profileRoutes are what everybody changes of their own.
func (s *Site) profileRoutes() []route {
	return []route{
		{"GET " + pathProfile, AtProfile, "", s.showProfile},
		{"POST " + pathProfile, AtProfile, "", s.changeProfile},
		{"GET " + pathSecurity, AtProfile, "", s.security},
		{"GET " + pathPassword, AtProfile, "", s.showPassword},
		{"POST " + pathPassword, AtProfile, "", s.changePassword},
		{"GET " + pathCodes, AtProfile, "", s.showCodes},
		{"POST " + pathCodes, AtProfile, "", s.renewCodes},
		{"POST " + pathEndSession, AtProfile, "", s.endSession},
		{"GET " + pathEndSessions, AtProfile, "", s.showEndSessions},
		{"POST " + pathEndSessions, AtProfile, "", s.endSessions},
	}
}

func (s *Site) showProfile(v *visit) (View, error) {
	return s.profilePage(v, v.Operator.Name, v.Operator.Locale), nil
}

func (s *Site) profilePage(v *visit, name, locale string, wrong ...Problem) View {
	page := &Profile{Frame: v.frame(wrong...), Act: v.form(pathProfile), Name: name}
	for tag, label := range s.PageTexts.Languages() {
		page.Locales = append(page.Locales, Option{Value: tag, Label: label, Chosen: tag == locale})
	}
	return page
}

func (s *Site) changeProfile(v *visit) (View, error) {
	name, locale := v.value(FieldOwnName), v.value(FieldOwnLocale)
	if _, err := s.Operators.ChangeProfile(v.ctx(), v.client(), v.Signed, name, locale); err != nil {
		problems, err := wrong(err, nil)
		if err != nil {
			return nil, err
		}
		return s.profilePage(v, name, locale, problems...), nil
	}
	return v.leave(pathProfile, Flash{Said: "saved"})
}

func (s *Site) security(v *visit) (View, error) {
	sessions, err := s.Operators.Sessions(v.ctx(), v.Signed)
	if err != nil {
		return nil, err
	}
	page := &Security{
		Frame: v.frame(), TOTP: v.Operator.TOTP, EnrolURL: pathEnrol, CodesLeft: v.Operator.CodesLeft, FewCodes: v.Operator.FewCodes,
		CodesURL: pathCodes, PasswordURL: pathPassword,
	}
	for _, one := range sessions {
		row := SessionRow{Device: device(one.UserAgent), At: one.CreatedAt, SeenAt: one.SeenAt, Current: one.Current, ID: one.ID.Text(uid.Session)}
		if one.IP != "" {
			row.Device += ", " + one.IP
		}
		if !one.Current {
			row.End, page.EndAll = v.form(pathEndSession), pathEndSessions
		}
		page.Sessions = append(page.Sessions, row)
	}
	return page, nil
}

// browsers and systems are how user agents name them and what they are called. The order matters: most claim to be others too.
var (
	browsers = [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}
	systems  = [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS", "Mac"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}}
)

// maxDevice is how much is shown of a user agent that is not known, in characters.
const maxDevice = 60

// device is a browser in words, as "Firefox on Linux": it is only for its holder to know it again.
func device(userAgent string) string {
	name := func(of [][2]string) string {
		for _, one := range of {
			if strings.Contains(userAgent, one[0]) {
				return one[1]
			}
		}
		return ""
	}
	browser, system := name(browsers), name(systems)
	switch {
	case userAgent == "":
		return "–"
	case browser != "" && system != "":
		return browser + " on " + system
	}
	if all := []rune(userAgent); len(all) > maxDevice {
		return string(all[:maxDevice-1]) + "…"
	}
	return userAgent
}

// showPassword asks for the proof first that the service wants, before anything is typed.
func (s *Site) showPassword(v *visit) (View, error) {
	if v.Operator.TOTP && !v.Recent {
		return nil, errProve
	}
	return v.passwordPage(), nil
}

func (v *visit) passwordPage(wrong ...Problem) View {
	return &ChangePassword{Frame: v.frame(wrong...), Act: v.form(pathPassword).once(), Least: v.Operator.LeastPassword()}
}

// textNotYours is told of a wrong password of somebody who is signed in.
const textNotYours = "That is not your password."

func (s *Site) changePassword(v *visit) (View, error) {
	// Not by value, which trims.
	old, fresh := v.r.PostForm.Get(FieldOldPass), v.r.PostForm.Get(FieldPassword)
	step, err := s.Operators.ChangePassword(v.ctx(), v.client(), v.token, old, fresh)
	if f := fault.As(err); err != nil && f.Code == codeSignInFailed {
		return v.passwordPage(Problem{Field: FieldOldPass, Message: textNotYours}), nil
	}
	if err != nil {
		problems, err := wrong(err, nil)
		if err != nil {
			return nil, err
		}
		return v.passwordPage(problems...), nil
	}
	s.setCookie(v.w, sessionCookie, step.Token.Reveal())
	return v.leave(pathSecurity, Flash{Said: "password_changed"})
}

func (s *Site) showCodes(v *visit) (View, error) {
	return &Confirm{Frame: v.frame(), What: "codes", Act: v.form(pathCodes), BackURL: pathSecurity}, nil
}

// renewCodes shows the new codes: now, and never again.
func (s *Site) renewCodes(v *visit) (View, error) {
	codes, err := s.Operators.RecoveryCodes(v.ctx(), v.client(), v.token)
	if err != nil {
		return nil, err
	}
	return &RecoveryCodes{Codes: codes, NextURL: pathSecurity}, nil
}

func (s *Site) endSession(v *visit) (View, error) {
	id, err := uid.Parse(uid.Session, v.value(FieldEndSession))
	if err != nil || id.IsZero() { // the zero id is all of them
		return nil, errNothing
	}
	if err := s.Operators.Revoke(v.ctx(), v.client(), v.Signed, v.Operator.ID, id); err != nil {
		return nil, err
	}
	return v.leave(pathSecurity, Flash{Said: "session_ended"})
}

func (s *Site) showEndSessions(v *visit) (View, error) {
	return &Confirm{Frame: v.frame(), What: "end_sessions", Object: called(v.Operator), Act: v.form(pathEndSessions), BackURL: pathSecurity}, nil
}

// endSessions ends each session but this one.
func (s *Site) endSessions(v *visit) (View, error) {
	sessions, err := s.Operators.Sessions(v.ctx(), v.Signed)
	if err != nil {
		return nil, err
	}
	for _, one := range sessions {
		if one.Current {
			continue
		}
		if err := s.Operators.Revoke(v.ctx(), v.client(), v.Signed, v.Operator.ID, one.ID); err != nil {
			return nil, err
		}
	}
	return v.leave(pathSecurity, Flash{Said: "sessions_ended"})
}
