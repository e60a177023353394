package countersign_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	countersign "github.com/countersign/countersign/sdk/go"
)

// verify is the example of the README.
func verify(ctx context.Context, typed string) error {
	client, err := countersign.New("https://verify.example.net", os.Getenv("COUNTERSIGN_API_KEY"))
	if err != nil {
		return err // the URL or the key can't be right
	}
	v, err := client.Start(ctx, countersign.StartRequest{To: "+12025550123"})
	if err != nil {
		return err // nothing was sent; a *countersign.Error says why
	}
	result, err := client.Check(ctx, v.ID, countersign.CheckRequest{Code: countersign.Code(typed)})
	if err != nil || !result.Valid {
		return errors.Join(errors.New("that was not the code"), err)
	}
	return nil
}

func TestTheExampleOfTheREADMEIsThisOne(t *testing.T) {
	t.Setenv("COUNTERSIGN_API_KEY", "") // or else the example would go on the network
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	example, _, _ := strings.Cut(rest, "```")
	var indented strings.Builder
	for line := range strings.Lines(example) {
		indented.WriteString("\t" + line)
	}
	if example == "" || !strings.Contains(string(here), indented.String()) {
		t.Errorf("the README has\n%s", example)
	}
	if err := verify(t.Context(), "123456"); err == nil || !strings.Contains(err.Error(), "API key") {
		t.Errorf("without a key in the environment: %v", err)
	}
}
