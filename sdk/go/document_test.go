package countersign

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// named are the members that a record reads, those of embedded ones too.
func named(record reflect.Type) (names []string) {
	for i := range record.NumField() {
		f := record.Field(i)
		switch name, _, _ := strings.Cut(f.Tag.Get("json"), ","); {
		case f.Anonymous:
			names = append(names, named(f.Type)...)
		case name != "" && name != "-":
			names = append(names, name)
		}
	}
	return names
}

func TestRecordsHaveWhatTheAPIAnswers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	for schema, record := range map[string]any{
		"Verification": Verification{}, "VerificationRecord": Record{}, "Send": Send{}, "Delivery": Delivery{}, "Decision": Decision{}, "Price": Price{},
		"Invitation": Invitation{}, "InvitationSend": LinkDelivery{}, "InvitationGate": Gate{}, "OpenInvitation": OpenInvitation{},
		"Import": Import{}, "ImportStarted": ImportResult{}, "RejectedFileRow": RejectedRow{},
	} {
		known := named(reflect.TypeOf(record))
		if len(document.Components.Schemas[schema].Properties) == 0 {
			t.Errorf("the document has no schema %s", schema)
		}
		for _, member := range slices.Sorted(maps.Keys(document.Components.Schemas[schema].Properties)) {
			if !slices.Contains(known, member) {
				t.Errorf("%T lacks %s of %s", record, member, schema)
			}
		}
	}
}
