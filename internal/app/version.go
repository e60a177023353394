package app

import "runtime/debug"

// version is set by the linker when a release is built.
var version string

// Version is the version of this program: that of the release, or of the source it was built from.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "development"
}
