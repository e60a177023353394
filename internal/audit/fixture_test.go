package audit_test

import (
	"context"
	"crypto/ed25519"

	"github.com/countersign/countersign/internal/audit"
)

// background is for helpers that rapid's checks call too, whose tests have no context of their own.
var background = context.Background()

// verifier is that of audittest.Signer.
var verifier = func() audit.Verifier {
	s, err := audit.NewSigner("test", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		panic(err)
	}
	return s.Verifier()
}()
