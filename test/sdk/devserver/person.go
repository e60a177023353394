package devserver

import (
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
	code, err := s.code(number)
	if err != nil {
		return err
	}
	wrong := "0" + code[1:]
	if wrong == code {
		wrong = "1" + code[1:]
	}
	_, err = fmt.Fprintf(in, "%s\n%s\n", wrong, code)
	return err
}

// code waits for a message to number and reads the code in it.
func (s *Server) code(number string) (string, error) {
	for range 1000 {
		resp, err := http.Get(s.BaseURL + "/dev/inbox?to=" + url.QueryEscape(number))
		if err != nil {
			return "", err
		}
		var inbox struct{ Messages []struct{ Code string } }
		err = json.NewDecoder(resp.Body).Decode(&inbox)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return "", err
		}
		if len(inbox.Messages) > 0 {
			return inbox.Messages[0].Code, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return "", errors.New("no message came")
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
