package devserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"time"
)

// Login plays a person at a terminal: cmd asks for a phone number and then for codes, line by line. The person gives number,
// once a wrong code, and then the right one. The answer is all that cmd said.
func (s *Server) Login(cmd *exec.Cmd, number string) (said string, err error) {
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	err = s.typeIn(in, number)
	err = errors.Join(err, in.Close(), cmd.Wait()) // then cmd has said all
	return out.String(), err
}

// typeIn is what the person types.
func (s *Server) typeIn(in io.Writer, number string) error {
	if _, err := fmt.Fprintln(in, number); err != nil {
		return err
	}
	m, err := s.Received(context.Background(), number)
	if err != nil {
		return err
	}
	code := m.Code
	wrong := "0" + code[1:]
	if wrong == code {
		wrong = "1" + code[1:]
	}
	_, err = fmt.Fprintf(in, "%s\n%s\n", wrong, code)
	return err
}

// Message is one that a person has got.
type Message struct{ Channel, Body, Code string }

// Received waits until a message to a recipient has come, and gives the first.
func (s *Server) Received(ctx context.Context, to string) (Message, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.BaseURL+"/dev/inbox?to="+url.QueryEscape(to), nil)
		if err != nil {
			return Message{}, err
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return Message{}, err
		}
		var inbox struct{ Messages []Message }
		err = json.NewDecoder(resp.Body).Decode(&inbox)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return Message{}, err
		}
		if n := len(inbox.Messages); n > 0 {
			return inbox.Messages[n-1], nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("no message came: %w", ctx.Err())
		}
	}
}

// Environment is what an application on Twilio's library is told of the server, with a service of its own.
func (s *Server) Environment() ([]string, error) {
	r, err := http.NewRequest(http.MethodPost, s.Twilio.BaseURL+"/v2/Services", strings.NewReader("FriendlyName=Harbor"))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(s.Twilio.AccountSID, s.Twilio.AuthToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var made struct{ SID string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.SID == "" {
		return nil, fmt.Errorf("create of a service: %s %w", resp.Status, err)
	}
	return []string{
		"TWILIO_ACCOUNT_SID=" + s.Twilio.AccountSID, "TWILIO_AUTH_TOKEN=" + s.Twilio.AuthToken,
		"TWILIO_VERIFY_SERVICE_SID=" + made.SID, "VERIFY_BASE_URL=" + s.Twilio.BaseURL,
	}, nil
}
