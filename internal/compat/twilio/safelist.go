package twilio

import (
	"net/http"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/risk/safelist"
)

// ofSafeNumber are the parameters that the fields of an entry of the safe list come from.
var ofSafeNumber = map[string]string{"phone_number": "PhoneNumber"}

// lister is who asks, for the safe list.
func lister(r *http.Request) safelist.Caller {
	by := caller(r.Context())
	return safelist.Caller{Tenant: by.Tenant, Actor: by.Actor, RequestID: by.RequestID}
}

// createSafeNumber lists a number as safe, for all services of the account.
func (d *door) createSafeNumber(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	number := form.Get("PhoneNumber")
	if number == "" {
		return missing("PhoneNumber")
	}
	n, err := d.SafeList.Add(r.Context(), lister(r), number)
	if fault.As(err).Code == "safe_number_exists" {
		return errSafe
	}
	if err != nil {
		return byParameter(err, ofSafeNumber)
	}
	reply(w, http.StatusCreated, d.safeNumberBody(r, n))
	return nil
}

func (d *door) fetchSafeNumber(w http.ResponseWriter, r *http.Request) error {
	n, err := d.SafeList.Number(r.Context(), lister(r), r.PathValue("number"))
	if err != nil {
		return gone(err)
	}
	reply(w, http.StatusOK, d.safeNumberBody(r, n))
	return nil
}

func (d *door) deleteSafeNumber(w http.ResponseWriter, r *http.Request) error {
	if err := d.SafeList.Remove(r.Context(), lister(r), r.PathValue("number")); err != nil {
		return gone(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// gone makes a number that could be none one that is not there: it stood in the path.
func gone(err error) error {
	if fault.Is(err, fault.Invalid) {
		return errGone
	}
	return err
}

// safeNumberBody is a number of the safe list in answers.
type safeNumberBody struct {
	SID    string `json:"sid"`
	Number string `json:"phone_number"`
	URL    string `json:"url"`
}

func (d *door) safeNumberBody(r *http.Request, n safelist.Number) safeNumberBody {
	return safeNumberBody{SID: sid(sidSafeNumber, n.ID), Number: n.Value, URL: d.url(r, Mount+"/v2/SafeList/Numbers/"+n.Value)}
}
