package countersign

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Start asks for a code to be sent. When a verification is open for the same recipient, service and purpose, this is one
// more send on it, or, before its ResendAt, nothing is sent. A verification that a risk rule denies is an answer too:
// show everybody the same form.
func (c *Client) Start(ctx context.Context, r StartRequest) (Started, error) {
	var out Started
	body := struct {
		StartRequest
		Code string `json:"code,omitempty"` // in the place of the one that marshals redacted
	}{r, string(r.Code)}
	status, err := c.post(ctx, "/v1/verifications", r.IdempotencyKey, body, &out)
	out.Created = status == http.StatusCreated
	return out, err
}

// Check hands in a code. A wrong one is an answer with Valid false. A verification that has ended, or never was, is an
// *Error with status 404: a code works once.
func (c *Client) Check(ctx context.Context, id string, r CheckRequest) (CheckResult, error) {
	var out CheckResult
	path, err := pathOf(id, "/check")
	if err != nil {
		return out, err
	}
	body := struct {
		CheckRequest
		Code string `json:"code"`
	}{r, string(r.Code)}
	_, err = c.post(ctx, path, r.IdempotencyKey, body, &out)
	return out, err
}

// CheckTo is Check for the open verification of a recipient, for callers that did not keep its id.
func (c *Client) CheckTo(ctx context.Context, r CheckToRequest) (CheckResult, error) {
	var out CheckResult
	body := struct {
		CheckToRequest
		Code string `json:"code"`
	}{r, string(r.Code)}
	_, err := c.post(ctx, "/v1/verifications/check", r.IdempotencyKey, body, &out)
	return out, err
}

// Resend asks for one more send. Before ResendAt nothing is sent and the answer has the same ResendAt. After the end it is
// an *Error with status 409.
func (c *Client) Resend(ctx context.Context, id string, r ResendRequest) (Verification, error) {
	var out Verification
	path, err := pathOf(id, "/resend")
	if err != nil {
		return out, err
	}
	_, err = c.post(ctx, path, r.IdempotencyKey, r, &out)
	return out, err
}

// Cancel ends a pending verification: its code is right no more. One that has ended is an *Error with status 409.
func (c *Client) Cancel(ctx context.Context, id string) (Verification, error) {
	return c.end(ctx, id, "/cancel")
}

// Approve tells that the code was right, for a verification that was started with a code of your own. It needs the scope
// verifications:approve.
func (c *Client) Approve(ctx context.Context, id string) (Verification, error) {
	return c.end(ctx, id, "/approve")
}

func (c *Client) end(ctx context.Context, id, how string) (Verification, error) {
	var out Verification
	path, err := pathOf(id, how)
	if err != nil {
		return out, err
	}
	_, err = c.post(ctx, path, "", nil, &out)
	return out, err
}

// Get reads a verification with its sends and deliveries. It has no code, and To is masked.
func (c *Client) Get(ctx context.Context, id string) (Record, error) { return c.read(ctx, id, nil) }

// Reveal is Get with To in full. It needs the scope recipients:reveal and is written to the audit log.
func (c *Client) Reveal(ctx context.Context, id string) (Record, error) {
	return c.read(ctx, id, url.Values{"reveal": {"to"}})
}

func (c *Client) read(ctx context.Context, id string, query url.Values) (Record, error) {
	var out Record
	path, err := pathOf(id, "")
	if err != nil {
		return out, err
	}
	err = c.get(ctx, path, query, &out)
	if err == nil {
		out.Verification.Sends = len(out.Sends)
	}
	return out, err
}

// List goes through the verifications that r asks for, newest first, a page at a time as the loop goes on. It ends after
// the first error, which it gives beside a zero Verification. The sequence may be gone through again, from the beginning.
func (c *Client) List(ctx context.Context, r ListRequest) iter.Seq2[Verification, error] {
	return pages[Verification](ctx, c, "/v1/verifications", r.query)
}

// pages goes through a list.
func pages[T any](ctx context.Context, c *Client, path string, filter func() url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := filter()
		for {
			var page struct {
				Data []T    `json:"data"`
				Next string `json:"next"` // null at the end
			}
			if err := c.get(ctx, path, query, &page); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, v := range page.Data { // none is no end: what a filter drops leaves short pages
				if !yield(v, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

func (r ListRequest) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"to": r.To, "status": string(r.Status), "external_id": r.ExternalID} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if r.PageSize != 0 {
		q.Set("limit", strconv.Itoa(r.PageSize))
	}
	return q
}

// pathOf is the path of a verification.
func pathOf(id, how string) (string, error) { return pathTo("verification", id, how) }

// pathTo is the path of one thing of a kind. An empty id would make it another one's.
func pathTo(kind, id, how string) (string, error) {
	if id == "" || id == "." || id == ".." {
		return "", errors.New("countersign: the id of the " + kind + " is missing")
	}
	return "/v1/" + kind + "s/" + url.PathEscape(id) + how, nil
}
