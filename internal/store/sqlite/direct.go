package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/memory"
	sqlite3 "modernc.org/sqlite/lib"
)

// resultError is a result code of SQLite, extended, with what it says of it.
type resultError struct {
	code int
	text string
}

func (e *resultError) Error() string { return fmt.Sprintf("%s (%d)", e.text, e.code) }

// Code is the result code, as the driver's errors have it (https://sqlite.org/rescode.html).
func (e *resultError) Code() int { return e.code }

// direct is the connection of the batches. It speaks SQLite's own interface (https://sqlite.org/c3ref/intro.html): what
// database/sql and a driver do for each argument costs as much as SQLite itself. One goroutine uses it at a time.
type direct struct {
	tls   *libc.TLS
	db    uintptr
	alloc memory.Allocator // of memory that the translated C may point to, apart from Go's
	out   []byte           // where C puts a pointer
	arena []byte           // of the arguments that are texts and blobs, while their statement runs
}

// connect opens the database of a URI.
func connect(uri string) (d *direct, err error) {
	d = &direct{tls: libc.NewTLS()}
	if d.out, err = d.alloc.Calloc(8); err != nil {
		return nil, errors.Join(err, d.close())
	}
	name, err := libc.CString(uri)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	defer libc.Xfree(d.tls, name)
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_URI | sqlite3.SQLITE_OPEN_NOMUTEX
	rc := sqlite3.Xsqlite3_open_v2(d.tls, name, address(d.out), flags, 0)
	d.db = d.pointer()
	if rc != sqlite3.SQLITE_OK {
		return nil, errors.Join(d.fault(rc), d.close())
	}
	return d, nil
}

func (d *direct) close() error {
	rc := int32(sqlite3.SQLITE_OK)
	if d.db != 0 {
		rc = sqlite3.Xsqlite3_close_v2(d.tls, d.db)
	}
	d.tls.Close()
	err := d.alloc.Close()
	if rc != sqlite3.SQLITE_OK {
		err = errors.Join(err, &resultError{int(rc), "close"})
	}
	return err
}

// address is where memory outside of Go's begins.
func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// pointer is what C has put out.
func (d *direct) pointer() uintptr { return uintptr(binary.NativeEndian.Uint64(d.out)) }

// fault is the error of a result code that the connection has just given.
func (d *direct) fault(rc int32) error {
	if d.db == 0 {
		return &resultError{int(rc), "out of memory"}
	}
	return &resultError{int(sqlite3.Xsqlite3_extended_errcode(d.tls, d.db)), libc.GoString(sqlite3.Xsqlite3_errmsg(d.tls, d.db))}
}

// exec runs one statement once.
func (d *direct) exec(text string) error {
	s, err := d.prepare(text)
	if err != nil {
		return err
	}
	return errors.Join(s.run(nil, func(func(...any) error) error { return nil }), s.close())
}

// statement is a prepared statement, used again and again.
type statement struct {
	*direct
	p uintptr
}

func (d *direct) prepare(text string) (*statement, error) {
	sql, err := libc.CString(text)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(d.tls, sql)
	rc := sqlite3.Xsqlite3_prepare_v3(d.tls, d.db, sql, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, address(d.out), 0)
	if rc != sqlite3.SQLITE_OK {
		return nil, fmt.Errorf("prepare: %w", d.fault(rc))
	}
	return &statement{d, d.pointer()}, nil
}

func (s *statement) close() error {
	sqlite3.Xsqlite3_finalize(s.tls, s.p) // repeats the error of the last step, which was told
	return nil
}

// run runs the statement once, with the values of all rows as its arguments one after another. scan reads each row of the
// result; nil: there is none.
func (s *statement) run(rows [][]any, scan func(func(...any) error) error) (err error) {
	if err := s.bind(rows); err != nil {
		return err
	}
	defer sqlite3.Xsqlite3_reset(s.tls, s.p) // what it answers is the error of the last step again
	for {
		switch rc := sqlite3.Xsqlite3_step(s.tls, s.p); {
		case rc == sqlite3.SQLITE_DONE:
			return nil
		case rc != sqlite3.SQLITE_ROW:
			return s.fault(rc)
		case scan == nil:
			return errors.New("a result that nobody reads")
		}
		if err := scan(s.assign); err != nil {
			return err
		}
	}
}

// bind sets the arguments. SQLite is told that texts and blobs stay where they are until the next bind (SQLITE_STATIC): in
// the arena, which the next statement overwrites, when nothing looks at them any more.
func (s *statement) bind(rows [][]any) error {
	if err := s.reserve(rows); err != nil {
		return err
	}
	used, n := 0, int32(0)
	for _, row := range rows {
		for _, v := range row {
			n++
			var rc int32
			switch v := v.(type) {
			case int64:
				rc = sqlite3.Xsqlite3_bind_int64(s.tls, s.p, n, v)
			case string:
				rc = sqlite3.Xsqlite3_bind_text(s.tls, s.p, n, address(s.arena[used:]), int32(copy(s.arena[used:], v)), 0)
				used += len(v)
			case []byte:
				if v == nil {
					rc = sqlite3.Xsqlite3_bind_null(s.tls, s.p, n)
					break
				}
				rc = sqlite3.Xsqlite3_bind_blob(s.tls, s.p, n, address(s.arena[used:]), int32(copy(s.arena[used:], v)), 0)
				used += len(v)
			case bool:
				rc = sqlite3.Xsqlite3_bind_int64(s.tls, s.p, n, flag(v))
			default:
				return fmt.Errorf("argument %d is a %T", n, v)
			}
			if rc != sqlite3.SQLITE_OK {
				return s.fault(rc)
			}
		}
	}
	return nil
}

func flag(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// reserve makes room in the arena for the texts and blobs of the rows.
func (d *direct) reserve(rows [][]any) (err error) {
	need := 1 // so that a text of no length has an address
	for _, row := range rows {
		for _, v := range row {
			switch v := v.(type) {
			case string:
				need += len(v)
			case []byte:
				need += len(v)
			}
		}
	}
	if need > len(d.arena) {
		d.arena, err = d.alloc.Realloc(d.arena, 2*need)
		d.arena = d.arena[:cap(d.arena)]
	}
	return err
}

// assign gives the values of the row that the statement stands at to the destinations of a scan: the few types that the
// hot statements read.
func (s *statement) assign(dest ...any) error {
	for i, d := range dest {
		i := int32(i)
		kind := sqlite3.Xsqlite3_column_type(s.tls, s.p, i)
		ok := true
		switch d := d.(type) {
		case *int64:
			*d, ok = sqlite3.Xsqlite3_column_int64(s.tls, s.p, i), kind == sqlite3.SQLITE_INTEGER
		case *bool:
			*d, ok = sqlite3.Xsqlite3_column_int64(s.tls, s.p, i) != 0, kind == sqlite3.SQLITE_INTEGER
		case *string:
			*d, ok = string(s.bytes(i)), kind == sqlite3.SQLITE_TEXT
		case *[]byte:
			if *d = nil; kind != sqlite3.SQLITE_NULL {
				*d, ok = slices.Clone(s.bytes(i)), kind == sqlite3.SQLITE_BLOB
			}
		default:
			ok = false
		}
		if !ok {
			return fmt.Errorf("scan of column %d, of kind %d, into %T", i, kind, d)
		}
	}
	return nil
}

// bytes is a column where SQLite has it, not nil. It is gone with the statement's next step.
func (s *statement) bytes(column int32) []byte {
	p := sqlite3.Xsqlite3_column_blob(s.tls, s.p, column) // of a text: its bytes
	n := sqlite3.Xsqlite3_column_bytes(s.tls, s.p, column)
	if n == 0 {
		return []byte{}
	}
	return libc.GoBytes(p, int(n))
}
