package api

import (
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

const callbackPath = "/callbacks/{provider}"

// callback takes what a provider reports about its deliveries. The provider's adapter proves who wrote it (SEC-93)
// over the exact bytes, so this is a plain handler. A receipt that could not be recorded answers with an error, and
// the provider reports again; recording one twice changes nothing.
func (a *api) callback(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		if _, tooLarge := err.(*http.MaxBytesError); !tooLarge {
			err = fault.Wrap(fault.Malformed, "malformed_request", "The body broke off. Send the request again.", err)
		}
		web.WriteProblem(w, r, err)
		return
	}
	receipts, err := a.Receipts(r.PathValue("provider"), r.Header, body)
	if err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			w.Header().Set("WWW-Authenticate", `Signature realm="callbacks"`) // RFC 9110 §15.5.2 wants one
		}
		web.WriteProblem(w, r, err)
		return
	}
	for _, receipt := range receipts {
		if err := a.Verifications.Receipt(r.Context(), receipt); err != nil {
			web.WriteProblem(w, r, err)
			return
		}
	}
	w.WriteHeader(http.StatusAccepted)
}

// callbackOperation documents the callback in the form of the relay provider; vendors send their own.
func callbackOperation() *huma.Operation {
	problem := func(why string) *huma.Response {
		return &huma.Response{Description: why, Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}},
		}}
	}
	return &huma.Operation{
		Method:      http.MethodPost,
		Path:        callbackPath,
		OperationID: "report-receipt",
		Summary:     "Report what became of a delivery",
		Description: "For providers. The body has the form of the provider's type and is signed by it; a relay signs as Standard Webhooks say.",
		Security:    []map[string][]string{{}},
		Parameters: []*huma.Param{{
			Name: "provider", In: "path", Required: true, Description: "The provider's name in the configuration",
			Schema: &huma.Schema{Type: huma.TypeString},
		}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {}}},
		Responses: map[string]*huma.Response{
			"202": {Description: "Taken"},
			"400": problem("The body can't be read"),
			"401": problem("The signature is missing, wrong or too old"),
			"404": problem("No such provider"),
			"413": problem("The body is too large"),
			"503": problem("Not now: report again"),
		},
	}
}
