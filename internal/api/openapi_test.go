package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/api"
)

var update = flag.Bool("update", false, "rewrite the committed OpenAPI document")

const committed = "../../docs/openapi.json"

// document is the OpenAPI document of the API, which needs no services for it.
func document() ([]byte, error) {
	_, doc := api.New(api.Config{})
	return doc()
}

func TestDocument(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll("../../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(committed, doc, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("is the committed one", func(t *testing.T) {
		want, err := os.ReadFile(committed)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, doc) {
			t.Errorf("docs/openapi.json is not what the server emits; run: go test ./internal/api -run TestDocument -update\n%s",
				cmp.Diff(string(want), string(doc)))
		}
	})
	t.Run("is what the server serves", func(t *testing.T) {
		got := call(newServer(t, newServices(), io.Discard), "GET", "/openapi.json", "", map[string]string{"Authorization": ""})
		if !bytes.Equal(got.Body.Bytes(), doc) {
			t.Error("GET /openapi.json answers another document")
		}
		if ct := got.Header().Get("Content-Type"); ct != "application/openapi+json" {
			t.Errorf("Content-Type = %q", ct)
		}
	})
	t.Run("names no other site", func(t *testing.T) {
		for _, bad := range []string{"unpkg", "http://", "https://", "$schema"} {
			if bytes.Contains(doc, []byte(bad)) {
				t.Errorf("the document holds %q", bad)
			}
		}
	})
}

// TestDocumentCoversEveryRoute compares the document with the routes, written out here by hand.
func TestDocumentCoversEveryRoute(t *testing.T) {
	t.Parallel()
	raw, err := document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Responses   map[string]struct {
				Content map[string]any `json:"content"`
			} `json:"responses"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			got[method+" "+path] = true
			if op.OperationID == "" {
				t.Errorf("%s %s has no operation id", method, path)
			}
			for status, resp := range op.Responses {
				if _, ok := resp.Content["application/problem+json"]; status >= "400" && !ok {
					t.Errorf("%s %s: %s is no problem", method, path, status)
				}
			}
		}
	}
	want := map[string]bool{"post /callbacks/{provider}": true}
	for _, r := range everyRoute {
		want[r.operation] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}
