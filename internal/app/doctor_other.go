//go:build !linux

package app

func clockSynced() (synced, known bool) { return false, false }

func freeSpace(string) (bytes int64, known bool) { return 0, false }
