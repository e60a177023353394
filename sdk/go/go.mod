module github.com/countersign/countersign/sdk/go

go 1.25.0
