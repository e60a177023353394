// Vendors' own libraries, unchanged, against a server of this tree. A module of its own, so that the server's has none of them.
module github.com/countersign/countersign/test/sdk

go 1.26.0

require github.com/twilio/twilio-go v1.31.0

require (
	github.com/golang/mock v1.6.0 // indirect
	github.com/pkg/errors v0.9.1 // indirect
)
