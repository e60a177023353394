package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/countersign/countersign/internal/app"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitConfig = 3
	exitBad    = 4
)

const description = `Proves that people hold their phone numbers and e-mail addresses.

Exit codes: 0 done; 1 failed, the message says what to do; 2 the command line can't be understood; 3 the configuration has faults; 4 a wrong code, a damaged audit log, or a fault that doctor found.`

// cli is the command line. Each command is a struct whose fields are its flags and whose method Run does it.
type cli struct {
	Config string `short:"c" env:"COUNTERSIGN_CONFIG" placeholder:"FILE" help:"Configuration file (${env})."`
	Data   string `env:"COUNTERSIGN_DATA_DIR" placeholder:"DIR" help:"Data directory, above that of the configuration (${env})."`
	JSON   bool   `name:"json" help:"Print JSON."`

	Serve     serve        `cmd:"" help:"Run the server."`
	Migrate   migrate      `cmd:"" help:"Bring the database's schema to the newest version."`
	Doctor    doctor       `cmd:"" help:"Look for every fault and risk of this installation."`
	Verify    verifyCmds   `cmd:"" help:"Make a verification on a running server."`
	Tenant    tenantCmds   `cmd:"" help:"Make, list and change tenants."`
	Key       keyCmds      `cmd:"" help:"Make, list and revoke the API keys of a tenant."`
	Operator  operatorCmds `cmd:"" help:"Let people into the console, and keep them out."`
	MasterKey masterKey    `cmd:"" help:"Change the master key."`
	Subject   subject      `cmd:"" help:"Answer a person who asks for their data, or for its end."`
	Audit     auditCmds    `cmd:"" help:"Verify and export the audit log."`
	Backup    backup       `cmd:"" help:"Back up the database, and restore it."`
	Version   version      `cmd:"" help:"Print the version."`
}

// shell is what a command stands in: where it reads and writes, and the flags that all commands share.
type shell struct {
	stdin, stdout, stderr *os.File
	flags                 cli
}

// run does one command and returns its exit code.
func run(ctx context.Context, args []string, sh *shell) int {
	parser, err := kong.New(&sh.flags, kong.Name("countersign"), kong.Description(description),
		kong.Writers(sh.stdout, sh.stderr), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // the struct above is wrong: only a programmer's mistake could come here
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(sh.stderr, "countersign: %v\nFor the commands and flags: countersign --help\n", err)
		return exitUsage
	}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(sh); err != nil {
		return sh.fail(err)
	}
	return exitDone
}

// errBad is a command that did its work and found what it looked at not to be good. It has been told already.
var errBad = errors.New("not good")

// config reads the configuration.
func (sh *shell) config() (app.Config, error) { return sh.load(app.Options{}) }

func (sh *shell) load(o app.Options) (app.Config, error) {
	o.File, o.Environ = sh.flags.Config, os.Environ()
	if o.DataDir == "" {
		o.DataDir = sh.flags.Data
	}
	return app.Load(o)
}

// tools opens the database for do.
func (sh *shell) tools(ctx context.Context, do func(*app.Tools) error) error {
	cfg, err := sh.config()
	if err != nil {
		return err
	}
	t, err := app.OpenTools(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(do(t), t.Close())
}
