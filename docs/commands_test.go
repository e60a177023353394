// Package docs_test runs the commands that the documents show, so that they stay true.
package docs_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// development builds the server and starts it in development mode as `make run` does, in a folder of its own.
func development(t *testing.T) (dir, addr string) {
	t.Helper()
	dir = t.TempDir()
	bin := filepath.Join(dir, "bin", "countersign") // where make build puts it
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "../cmd/countersign")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build, so that both share the build cache
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	_ = l.Close()

	ctx, cancel := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, bin, "serve", "--dev", "--listen", addr, "--data", ".dev")
	server.Dir = dir
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	server.WaitDelay = 10 * time.Second
	var log strings.Builder
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait() // it was told to end, or the wait below says that it did
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Logf("the server said:\n%s", log.String())
		}
	})
	deadline := time.After(30 * time.Second)
	for !healthy(t.Context(), "http://"+addr+"/readyz") {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ended:
			t.Fatal("the server ended")
		case <-deadline:
			t.Fatal("the server was not ready after 30 s")
		}
	}
	return dir, addr
}

func healthy(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// a step is what a document tells the reader to type, in one line.
type step struct {
	command string
	answers string // pattern that what it prints must match
}

// TestTheCommandsOfTheDocuments runs those of README.md, of api.md, of invitations.md and of the doors as a reader would, each document in
// one shell, one command after the other. All use one server, and so each has numbers of its own; so does what events.md says.
func TestTheCommandsOfTheDocuments(t *testing.T) {
	t.Parallel()
	dir, addr := development(t)
	t.Run("README", func(t *testing.T) {
		t.Parallel()
		commands := blocks(t, "../README.md")
		if len(commands) != 5 {
			t.Fatalf("README.md has %d commands, want five", len(commands))
		}
		follow(t, dir, addr, "%2B12025550123", pair(t, commands, "", `"status": *"pending"`, "", `"valid": *true`, `"status": *"approved"`))
	})
	t.Run("events", func(t *testing.T) { t.Parallel(); live(t, dir, addr) })
	t.Run("events of invitations", func(t *testing.T) { t.Parallel(); invited(t, dir, addr) })
	t.Run("receiver", func(t *testing.T) { t.Parallel(); sample(t, dir, addr) })
	t.Run("api", func(t *testing.T) {
		t.Parallel()
		follow(t, dir, addr, "%2B12025550124", pair(t, blocks(t, "api.md"),
			"", "",
			`"status":"pending".*"sends":1,"sends_left":4,"checks_left":5`, // start
			"", "", // the code from the inbox
			`"status":"pending","valid":false,"checks_left":4`,
			`"status":"approved","valid":true`,
			"",                              // another start
			`"status":"pending".*"sends":1`, // inside the wait nothing is sent
			`"status":"canceled"`,
			"", // a start with a code of our own
			`"status":"approved"`,
			`"status":"approved".*"sends":\[\{"n":1.*"deliveries":\[\{"id":"dlv_.*"state":"sent"`,
			`"data":\[\{"id":"vrf_.*"next":"?[a-zA-Z0-9_]+"?`,
			`"code_length":8,"ttl_seconds":120`,
			`"data":\[\{"id":"svc_.*"code_length":8`,
			`"id":"inv_.*"masked_mobile":"\+1.*"mobile_2fa":"pending","mobile_2fa_effective":true,"mobile_2fa_policy":"yes_optional"`, "",
			`"id":"inv_.*"reference":"case-7"`,
			`"data":\[\{"id":"inv_.*"next":null`,
			`"data":\[\{"id":"evt_.*"type":"invitation.created"`,
			`"status":"created".*"channels":\["sms"\].*"resend_count":1`,
			`"masked_mobile":"\+1[^"]*28".*"resend_count":2`,
			`"status":"canceled"`,
			`"accepted":\[\{"row":0,.*"rejected":\[\{"row":1,"field":"mobile","code":"mobile_required"`,
			`"id":"imp_.*"rows":2,"accepted":1,.*"rejected":\[\{"row":3,"field":"mobile","code":"duplicate"`, "",
			`"id":"imp_.*"status":"(pending|running|done)"`,
			`2,case-8,,(inv_[a-z0-9]+,created|,waiting),,,\s+3,case-9,,,rejected,mobile,duplicate,"?Row 2 has this number`,
			`"data":\[\{"id":"imp_.*"next":null`,
			`"mobile_2fa":"yes_optional","link_expiry_hours":720.*"version":[0-9]`, "",
			`"link_expiry_hours":168.*"updated_by":"key:key_.*"version":[1-9]`,
			`"status":409.*"code":"settings_stale"`, "",
			`"brand":\{"name":"Acme".*"version":[1-9]`,
			`"id":"whk_.*"secret":"whsec_`,
			`"data":\[\{"id":"whk_.*"enabled":true`,
			`"status":409`, // it was approved already
		))
	})
	t.Run("invitations", func(t *testing.T) {
		t.Parallel()
		follow(t, dir, addr, "%2B12025550132", pair(t, blocks(t, "invitations.md"), `"id":"inv_.*"mobile_2fa":"pending"`))
	})
	t.Run("compat-camara", func(t *testing.T) {
		t.Parallel()
		follow(t, dir, addr, "%2B12025550161", pair(t, blocks(t, "compat-camara.md"),
			"", "", "", "", // where, and a token
			`"authenticationId":"[0-9a-f-]{36}"`,
			"", "", // the id, and the code from the inbox
			`"code":"ONE_TIME_PASSWORD_SMS.INVALID_OTP"`,
			`204`,
		))
	})
	t.Run("compat-mta", func(t *testing.T) {
		t.Parallel()
		follow(t, dir, addr, "%2B12025550142", pair(t, blocks(t, "compat-mta.md"),
			"", "",
			`"message":"API Key verified"`,
			`"status":"PENDING".*"risk":null`,
			`"httpCode":409.*"verificationId":"[0-9a-f-]{36}"`,
			`[0-9]{6}`,
			`"status":"APPROVED"`,
			`"rows":\[\{.*"status":"APPROVED".*"externalId":"order-7".*"total":1`,
			`"deliverable":false.*"lineType":"landline"`,
			`"messageId":"snd_`,
			`"event":"delivery-status".*"secret":"\*\*\*\*0617"`,
		))
	})
	t.Run("compat-idenfy", func(t *testing.T) {
		t.Parallel()
		follow(t, dir, addr, "%2B12025550148", pair(t, blocks(t, "compat-idenfy.md"),
			"", "", "", // where, and the credentials
			`"authToken":"[A-Za-z0-9_-]{40}".*"locale":"de".*"message":"Token created successfully".*"verifyEmail":false,"verifyPhone":true`,
			"", "",
			`303 http://[0-9.:]+/v/[A-Za-z0-9_-]{40}`,
			`"status":"ACTIVE".*"clientId":"customer-7","phoneVerification":\{"phone":null,"phoneVerified":false\},"emailVerification":null`,
			`"count":1,"next":null,"previous":null,"results":\[\{"scanRef":"[0-9a-f-]{36}","status":"ACTIVE","suspected":false\}\]`,
			`"sessionUrl":"http://.*authToken=.*"tokenString":"`,
			"", `^\n?[0-9]{4}\n`, // the code from the inbox
			`"is_verified":true`,
			`"is_verified":false`, // a code is good once
			`"country_code":"GB".*"current_route":"landline".*"validity":"inferred"`,
		))
	})
	t.Run("a session of compat-idenfy", func(t *testing.T) { t.Parallel(); hostedSession(t, dir, addr) })
	t.Run("move-from-twilio", func(t *testing.T) {
		t.Parallel()
		follow(t, dir, addr, "%2B12025550157", pair(t, blocks(t, "move-from-twilio.md"),
			`^ten_|\nten_`,
			`(?m)^account SID +AC[0-9a-f]{32}$`, "", "", "",
			`"sid":"VA.*"friendly_name":"Shop".*"do_not_share_warning_enabled":true`, "",
			`"status":"pending"`,
			"", // the code from the inbox
			`"status":"approved","valid":true`,
			`"code":20404`, // a code is good once
		))
	})
	t.Run("compat-twilio", func(t *testing.T) {
		t.Parallel()
		follow(t, dir, addr, "%2B12025550131", pair(t, blocks(t, "compat-twilio.md"),
			"", "",
			`"sid":"VA.*"friendly_name":"Harbor"`, "",
			`"to":"\+12025550131","channel":"sms","status":"pending"`,
			"", // the code from the inbox
			`"status":"pending".*"send_code_attempts":\[\{"attempt_sid":"VL`,
			`"status":"pending","valid":false`,
			`"status":"approved","valid":true`,
			`"code":20404`, // a code is good once
			`"attempts":\[\{"sid":"VL.*"conversion_status":"converted".*"key":"attempts"`,
			`"total_attempts":1,"total_converted":1,"total_unconverted":0,"conversion_rate_percentage":"100.0"`,
			"",
			`"sid":"YF.*"status":"unverified".*"binding":\{"secret":"[A-Z2-7]{32}","uri":"otpauth://totp/Harbor:Ann%20phone\?`, "",
			`"status":"unverified"`,
			`"code":60318`,
			`"factors":\[\{"sid":"YF`,
			`"sid":"YW.*"event_types":\["\*"\].*"webhook_method":"POST"`,
		))
	})
}

// blocks are the lines of the shell blocks of a document.
func blocks(t *testing.T, document string) (commands []string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		commands = append(commands, strings.Split(m[1], "\n")...)
	}
	return commands
}

// pair puts commands and the patterns of their answers together.
func pair(t *testing.T, commands []string, patterns ...string) (steps []step) {
	t.Helper()
	if len(commands) != len(patterns) {
		t.Fatalf("%d commands, and patterns for %d:\n%s", len(commands), len(patterns), strings.Join(commands, "\n"))
	}
	for i, c := range commands {
		steps = append(steps, step{c, patterns[i]})
	}
	return steps
}

// follow does the steps in one shell. A person takes a moment from asking for a code to reading it; the shell waits
// until the inbox has the message for the number.
func follow(t *testing.T, dir, addr, number string, steps []step) {
	t.Helper()
	const mark = "=== next"
	script := "arrived() { for _ in $(seq 200); do curl -s 'http://" + addr + "/dev/inbox?to=" + number + "' | grep -q '\"code\"' && return; sleep 0.02; done; }\n"
	for _, s := range steps {
		if strings.Contains(s.command, "/dev/inbox") {
			script += "arrived\n"
		}
		script += s.command + "\necho; echo '" + mark + "'\n"
	}
	script = strings.ReplaceAll(script, "127.0.0.1:8080", addr)
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	answers := strings.Split(string(out), mark)
	for i, s := range steps {
		if !regexp.MustCompile(s.answers).MatchString(answers[i]) {
			t.Errorf("%s\nanswered %s\nwithout %s", s.command, answers[i], s.answers)
		}
	}
}
