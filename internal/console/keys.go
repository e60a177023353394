package console

import (
	"cmp"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

const (
	pathKeys = Prefix + "/keys"
	day      = 24 * time.Hour
)

func (s *Site) keyRoutes() []route {
	return []route{
		{"GET " + pathKeys, AtKeys, operator.SeeKeys, s.keys},
		{"GET " + pathKeys + "/new", AtKeys, operator.ChangeKeys, s.newKey},
		{"POST " + pathKeys + "/new", AtKeys, operator.ChangeKeys, s.makeKey},
		{"GET " + pathKeys + "/{id}/rotate", AtKeys, operator.ChangeKeys, s.askRotateKey},
		{"POST " + pathKeys + "/{id}/rotate", AtKeys, operator.ChangeKeys, s.rotateKey},
		{"GET " + pathKeys + "/{id}/revoke", AtKeys, operator.ChangeKeys, s.askRevokeKey},
		{"POST " + pathKeys + "/{id}/revoke", AtKeys, operator.ChangeKeys, s.revokeKey},
	}
}

func keyURL(k tenant.Key, act string) string { return pathKeys + "/" + k.ID.Text(uid.Key) + "/" + act }

// keys lists them, those that work first and the newest first.
func (s *Site) keys(v *visit) (View, error) {
	all, err := s.Directory.Keys(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	slices.SortStableFunc(all, func(a, b tenant.Key) int {
		if a.Live(now) != b.Live(now) {
			return map[bool]int{true: -1, false: 1}[a.Live(now)]
		}
		return b.CreatedAt.Compare(a.CreatedAt)
	})
	view := &Keys{Frame: v.frame(), May: v.May(operator.ChangeKeys)}
	for _, k := range all {
		row := KeyRow{
			ID: k.ID.Text(uid.Key), Name: k.Name, State: keyState(k, all, now), Scopes: k.Scopes,
			CreatedAt: k.CreatedAt, LastUsed: k.LastUsed, ExpiresAt: k.ExpiresAt,
		}
		if view.May && k.Live(now) {
			row.RotateURL, row.RevokeURL = keyURL(k, "rotate"), keyURL(k, "revoke")
		}
		view.Rows = append(view.Rows, row)
	}
	return view, nil
}

// keyState says how a key is. It is being replaced while a newer one of the same name and scopes works beside it.
func keyState(k tenant.Key, all []tenant.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case !k.Live(now):
		return "expired"
	case k.Name != "" && slices.ContainsFunc(all, func(o tenant.Key) bool {
		return o.Live(now) && o.Name == k.Name && slices.Equal(o.Scopes, k.Scopes) && o.CreatedAt.After(k.CreatedAt)
	}):
		return "rotating"
	}
	return "active"
}

func (s *Site) newKey(v *visit) (View, error) {
	return v.keyForm([]string{tenant.ScopeVerifyStart, tenant.ScopeVerifyCheck, tenant.ScopeVerifyRead}), nil
}

func (v *visit) keyForm(on []string, problems ...Problem) View {
	return &NewKey{
		Frame: v.frame(problems...), Act: v.form(pathKeys + "/new").once(), Name: v.value("name"), Days: v.value(FieldExpiry),
		Scopes: ticked(tenant.Scopes(), on),
	}
}

func (s *Site) makeKey(v *visit) (View, error) {
	ask := tenant.KeyRequest{Name: v.value("name"), Scopes: v.r.PostForm[FieldScopes]}
	if days := v.value(FieldExpiry); days != "" {
		ask.ExpiresAt = s.Now().Add(time.Duration(min(whole(days), mostDays)) * day) // what is no number lies in the past
	}
	return s.showKey(v, ask, "", func(problems []Problem) View { return v.keyForm(ask.Scopes, problems...) })
}

// mostDays is the longest life that a key can be given in days: as good as for ever.
const mostDays = 36500

// showKey makes a key and shows it, or gives the page that says what is wrong.
func (s *Site) showKey(v *visit, ask tenant.KeyRequest, beforeURL string, again func([]Problem) View) (View, error) {
	ask.Idempotency = v.once("key")
	made, secret, err := s.Directory.CreateKey(v.ctx(), v.caller().Directory(), v.Operator.Tenant, ask)
	if err != nil {
		problems, err := wrong(err, map[string]string{"expires_at": FieldExpiry})
		if err != nil {
			return nil, err
		}
		return again(problems), nil
	}
	if secret.Reveal() == "" {
		return s.keyMadeBefore(v, made)
	}
	f, err := v.sampled()
	if err != nil {
		return nil, err
	}
	f.KeyID = made.ID.Text(uid.Key)
	view := &KeyMade{Frame: v.frame(), Name: keyName(made), Secret: secret.Reveal(), BeforeURL: beforeURL}
	view.Samples, err = s.firstSamples(f, made.Scopes, view.Secret)
	return view, err
}

// firstSamples show the first thing that a new key may do, but for handing in a code, before which one is sent; none for a key that samples
// show nothing of. The key is in the first alone, which is copied into a shell; programs are kept in files.
func (s *Site) firstSamples(f filled, scopes []string, secret string) ([]Sample, error) {
	what, path := doable(scopes)
	if what = slices.DeleteFunc(what, func(one string) bool { return one == sampleCheck }); len(what) == 0 {
		return nil, nil
	}
	f.Path = path
	all, err := s.programs(what[0], f)
	if err != nil {
		return nil, err
	}
	f.Key = secret
	whole, err := s.programs(what[0], f)
	if err != nil {
		return nil, err
	}
	all[0] = whole[0]
	return all, nil
}

// keyMadeBefore says of a key that the same form has made it, and shown its secret then. It leads to where it gets a successor, while it
// works.
func (s *Site) keyMadeBefore(v *visit, made tenant.Key) (View, error) {
	all, err := s.Directory.Keys(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	view := &KeyMade{Frame: v.frame(), Name: keyName(made)}
	if slices.ContainsFunc(all, func(k tenant.Key) bool { return k.ID == made.ID && k.Live(s.Now()) }) {
		view.RotateURL = keyURL(made, "rotate")
	}
	return view, nil
}

// keyName is what a key is called.
func keyName(k tenant.Key) string { return cmp.Or(k.Name, k.ID.Text(uid.Key)) }

// ownKey is the key of the path.
func (v *visit) ownKey() (tenant.Key, error) {
	id, err := v.id(uid.Key, "id")
	if err != nil {
		return tenant.Key{}, err
	}
	all, err := v.site.Directory.Keys(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return tenant.Key{}, err
	}
	i := slices.IndexFunc(all, func(k tenant.Key) bool { return k.ID == id })
	if i < 0 {
		return tenant.Key{}, errNothing
	}
	return all[i], nil
}

// liveKey is the key of the path, which works.
func (v *visit) liveKey() (tenant.Key, error) {
	k, err := v.ownKey()
	if err == nil && !k.Live(v.site.Now()) {
		err = errNothing
	}
	return k, err
}

func (s *Site) askRotateKey(v *visit) (View, error) {
	k, err := v.liveKey()
	if err != nil {
		return nil, err
	}
	return v.confirmRotate(k), nil
}

func (v *visit) confirmRotate(k tenant.Key, problems ...Problem) View {
	return &Confirm{
		Frame: v.frame(problems...), What: "rotate_key", Object: keyName(k), Act: v.form(keyURL(k, "rotate")).once(), Mild: true, BackURL: pathKeys,
	}
}

// rotateKey makes a second key like the first, which goes on working until it is revoked. One that was to end has a successor with
// as long a life.
func (s *Site) rotateKey(v *visit) (View, error) {
	k, err := v.liveKey()
	if err != nil {
		return nil, err
	}
	ask := tenant.KeyRequest{Name: k.Name, Scopes: k.Scopes}
	if !k.ExpiresAt.IsZero() {
		ask.ExpiresAt = s.Now().Add(k.ExpiresAt.Sub(k.CreatedAt))
	}
	return s.showKey(v, ask, keyURL(k, "revoke"), func(problems []Problem) View { return v.confirmRotate(k, problems...) })
}

func (s *Site) askRevokeKey(v *visit) (View, error) {
	k, err := v.liveKey()
	if err != nil {
		return nil, err
	}
	return &Confirm{Frame: v.frame(), What: "revoke_key", Object: keyName(k), Act: v.form(keyURL(k, "revoke")), BackURL: pathKeys}, nil
}

// revokeKey ends a key. To revoke it again changes nothing, and is answered like the first click.
func (s *Site) revokeKey(v *visit) (View, error) {
	k, err := v.ownKey()
	if err != nil {
		return nil, err
	}
	if err := s.Directory.RevokeKey(v.ctx(), v.caller().Directory(), v.Operator.Tenant, k.ID); err != nil {
		return nil, err
	}
	return v.leave(pathKeys, Flash{Said: "key_revoked", Object: keyName(k)})
}
