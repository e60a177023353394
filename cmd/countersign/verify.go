package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	countersign "github.com/countersign/countersign/sdk/go"
)

// credentialsFile is what development mode writes into its data directory.
const credentialsFile = "dev-credentials.json"

type verifyCmds struct {
	URL    string `name:"url" env:"COUNTERSIGN_URL" help:"The server (${env}); that of development mode otherwise."`
	APIKey string `env:"COUNTERSIGN_API_KEY" help:"API key (${env}); that of development mode otherwise. Others on this machine see a flag: rather use the variable."`

	Start verifyStart `cmd:"" help:"Send a code to a number or address, and ask for it."`
	Check verifyCheck `cmd:"" help:"Check a code."`
}

// client speaks to the server that the flags name, or to that of development mode.
func (c *verifyCmds) client(sh *shell) (*countersign.Client, error) {
	if c.URL == "" && c.APIKey == "" {
		dir := sh.flags.Data
		if dir == "" {
			dir = devData
		}
		return devClient(filepath.Join(dir, credentialsFile))
	}
	if c.URL == "" || c.APIKey == "" {
		return nil, errors.New("give both the server and the key: COUNTERSIGN_URL and COUNTERSIGN_API_KEY")
	}
	return countersign.New(c.URL, c.APIKey)
}

func devClient(file string) (*countersign.Client, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("which server? There is no %s of a development server: set COUNTERSIGN_URL and COUNTERSIGN_API_KEY, or start one with: countersign serve --dev", file)
	}
	if err != nil {
		return nil, err
	}
	var c struct {
		BaseURL string `json:"base_url"`
		APIKey  string `json:"api_key"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%s can't be read: start the development server again", file)
	}
	return countersign.New(c.BaseURL, c.APIKey)
}

type verifyStart struct {
	To         string              `arg:"" placeholder:"TO" help:"E.164 number or e-mail address."`
	Channel    countersign.Channel `help:"sms, voice, whatsapp or email; the usual one otherwise."`
	Service    string              `help:"Id or name of the service; the tenant's default otherwise."`
	Purpose    countersign.Purpose `help:"What it is for; login otherwise."`
	Locale     string              `help:"Language of the message: de, pt-BR."`
	ExternalID string              `help:"An id of your own."`
	Supersede  bool                `help:"End an open verification instead of sending on it."`
	Prompt     *bool               `negatable:"" help:"Ask for the code and check it; at a terminal that is so without the flag."`
}

// Run starts a verification, and goes on to check it when a person is there to type the code.
func (c *verifyStart) Run(ctx context.Context, sh *shell) error {
	client, err := sh.flags.Verify.client(sh)
	if err != nil {
		return err
	}
	v, err := client.Start(ctx, countersign.StartRequest{
		To: c.To, Channel: c.Channel, Service: c.Service, Purpose: c.Purpose, Locale: c.Locale, ExternalID: c.ExternalID, Supersede: c.Supersede,
	})
	if err != nil {
		return err
	}
	if err := sh.say(v, startText(v)); err != nil {
		return err
	}
	ask := terminal(sh.stdin) && !sh.flags.JSON
	if c.Prompt != nil {
		ask = *c.Prompt
	}
	if !ask || v.Status != countersign.Pending {
		return nil
	}
	return askAndCheck(ctx, sh, client, v.ID)
}

func startText(v countersign.Started) string {
	text := fmt.Sprintf("%s  %s", v.ID, v.Status)
	if v.Status != countersign.Pending {
		return text + "  " + strings.Join(v.Decision.Reasons, ", ") + "\n"
	}
	text += fmt.Sprintf("  by %s, right until %s\n", v.Channel, stamp(v.ExpiresAt))
	if !v.Created && time.Now().Before(v.ResendAt) {
		text += fmt.Sprintf("It was open already; the next message may go at %s.\n", stamp(v.ResendAt))
	}
	return text
}

// askAndCheck asks for the code until it is right or no more checks are left.
func askAndCheck(ctx context.Context, sh *shell, client *countersign.Client, id string) error {
	in := bufio.NewReader(sh.stdin)
	for {
		code, err := readCode(ctx, sh, in)
		if err != nil {
			return err
		}
		result, err := client.Check(ctx, id, countersign.CheckRequest{Code: countersign.Code(code)})
		if err != nil {
			return err
		}
		if err := sayResult(sh, result); err == nil || result.Status != countersign.Pending {
			return err
		}
	}
}

// readCode asks for a line. A signal ends the wait; the reading goroutine then ends with the process, for nothing can stop
// a read from a terminal.
func readCode(ctx context.Context, sh *shell, in *bufio.Reader) (string, error) {
	if !sh.flags.JSON {
		fmt.Fprint(sh.stderr, "Code: ")
	}
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := in.ReadString('\n')
		read <- line{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.New("stopped; the verification is still open")
	case l := <-read:
		if l.text == "" {
			return "", errors.New("no code was given; the verification is still open")
		}
		return l.text, nil // a last line may lack its end
	}
}

// sayResult tells what came of a check; errBad unless the code was right.
func sayResult(sh *shell, r countersign.CheckResult) error {
	text := fmt.Sprintf("%s  %s\n", r.ID, r.Status)
	if !r.Valid {
		text = fmt.Sprintf("%s  %s: that is not the code; %d tries left\n", r.ID, r.Status, r.ChecksLeft)
	}
	if err := sh.say(r, text); err != nil {
		return err
	}
	if !r.Valid {
		return errBad
	}
	return nil
}

type verifyCheck struct {
	What    string              `arg:"" placeholder:"ID|TO" help:"The verification, or the recipient it is open for."`
	Code    string              `arg:"" optional:"" placeholder:"CODE" help:"The code; read from standard input when left out."`
	Service string              `help:"With a recipient: the service of the start."`
	Purpose countersign.Purpose `help:"With a recipient: the purpose of the start."`
}

// Run checks a code.
func (c *verifyCheck) Run(ctx context.Context, sh *shell) error {
	client, err := sh.flags.Verify.client(sh)
	if err != nil {
		return err
	}
	if c.Code == "" {
		if c.Code, err = readCode(ctx, sh, bufio.NewReader(sh.stdin)); err != nil {
			return err
		}
	}
	var result countersign.CheckResult
	if strings.HasPrefix(c.What, "vrf_") {
		result, err = client.Check(ctx, c.What, countersign.CheckRequest{Code: countersign.Code(c.Code)})
	} else {
		result, err = client.CheckTo(ctx, countersign.CheckToRequest{
			To: c.What, Code: countersign.Code(c.Code), Service: c.Service, Purpose: c.Purpose,
		})
	}
	if err != nil {
		return err
	}
	return sayResult(sh, result)
}
