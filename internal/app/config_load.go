package app

import (
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/countersign/countersign/internal/delivery/smtp"
)

// Options are where a configuration comes from.
type Options struct {
	File    string   // empty: none
	Environ []string // as os.Environ gives it
	Dev     bool     // serve --dev
	Listen  string   // --listen; empty: not given
	DataDir string   // --data; empty: not given
}

// maxFile is far above any configuration: something else was named by mistake.
const maxFile = 1 << 20

// Load reads a configuration: the defaults, then the file, then the environment, then the flags, each above the one
// before. Every scalar key, and every list of scalars, parted by commas, has a variable: log.level is
// COUNTERSIGN_LOG_LEVEL. Where a value is secret, KEY_file and COUNTERSIGN_KEY_FILE name a file that holds it.
//
// The error is Faults: all that is wrong at once. Nothing is opened but the files that the configuration names.
func Load(o Options) (Config, error) {
	var c Config
	setDefaults(reflect.ValueOf(&c).Elem())
	s := newSource(o.File, nil)
	if o.File != "" {
		text, err := readConfig(o.File)
		if err != nil {
			return Config{}, Faults{{File: o.File, Key: "(file)", What: err.Error() + ".", Remedy: "Name another file by --config or " + ConfigVariable + "."}}
		}
		s = newSource(o.File, text)
		s.decode(text, &c)
	}
	if c.SMTP != nil {
		nameSMTP(c.SMTP)
	}
	s.overlay(&c, o.Environ)
	s.flags(&c, o)
	s.check(c)
	if len(s.faults) > 0 {
		return Config{}, s.sorted()
	}
	return c, nil
}

func readConfig(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("can't be read: %w", errors.Unwrap(err))
	case !info.Mode().IsRegular() || info.Size() > maxFile:
		return nil, errors.New("is no configuration file")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", errors.Unwrap(err))
	}
	return text, nil
}

// flags puts on what the command line says.
func (s *source) flags(c *Config, o Options) {
	c.DevMode = o.Dev
	if o.Listen != "" {
		c.Listen = o.Listen
		s.env["listen"] = "--listen"
	}
	if o.DataDir != "" {
		c.DataDir = o.DataDir
		s.env["data_dir"] = "--data"
	}
}

// newSMTP is the provider that the table smtp is short for.
func newSMTP() *smtp.Config {
	c := new(smtp.Config)
	nameSMTP(c)
	return c
}

func nameSMTP(c *smtp.Config) {
	if c.Name == "" {
		c.Name = "smtp"
	}
}
