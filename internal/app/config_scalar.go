package app

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/ratelimit"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	limitType    = reflect.TypeFor[ratelimit.Limit]()
	secretType   = reflect.TypeFor[delivery.Secret]()
)

// isScalar reports whether a value of t is one text in the file and in the environment.
func isScalar(t reflect.Type) bool {
	return t == prefixType || t == limitType || slices.Contains([]reflect.Kind{reflect.String, reflect.Bool, reflect.Int, reflect.Int64}, t.Kind())
}

// setScalar reads text into v, and minds the tags enum and range. The error says what v must be, and not what it was.
func setScalar(v reflect.Value, text string, tag reflect.StructTag) error {
	switch t := v.Type(); {
	case t == durationType:
		return setDuration(v, text, tag)
	case t == prefixType:
		return setPrefix(v, text)
	case t == limitType:
		return setLimit(v, text)
	case t.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return told(err, "must be true or false")
	case t.Kind() == reflect.Int:
		return setInt(v, text, tag)
	}
	if enum := tag.Get("enum"); enum != "" && !slices.Contains(strings.Split(enum, ","), text) {
		return errors.New("must be one of: " + strings.ReplaceAll(enum, ",", ", "))
	}
	v.SetString(text)
	return nil
}

func told(err error, what string) error {
	if err == nil {
		return nil
	}
	return errors.New(what)
}

func setInt(v reflect.Value, text string, tag reflect.StructTag) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return errors.New("must be a whole number")
	}
	if least, most, ok := strings.Cut(tag.Get("range"), ".."); ok {
		lo, _ := strconv.Atoi(least) // a test reads every tag
		hi, _ := strconv.Atoi(most)
		if n < lo || n > hi {
			return fmt.Errorf("must be %s to %s", least, most)
		}
	}
	v.SetInt(int64(n))
	return nil
}

func setDuration(v reflect.Value, text string, tag reflect.StructTag) error {
	d, err := parseDuration(text)
	if err != nil {
		return errors.New("must be a time with its unit, such as 30s, 5m, 12h or 90d")
	}
	if least, most, ok := strings.Cut(tag.Get("range"), ".."); ok {
		lo, _ := parseDuration(least) // a test reads every tag
		hi, _ := parseDuration(most)
		if d < lo || d > hi {
			return fmt.Errorf("must be %s to %s", least, most)
		}
	}
	v.SetInt(int64(d))
	return nil
}

// parseDuration reads what time.ParseDuration reads, and whole days: "90d".
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return 0, errors.New("no number of days")
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return time.ParseDuration(text)
}

// setPrefix reads a network, or one address as the network of itself.
func setPrefix(v reflect.Value, text string) error {
	p, err := netip.ParsePrefix(text)
	if addr, aerr := netip.ParseAddr(text); err != nil && aerr == nil {
		p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if err != nil || p != p.Masked() {
		return errors.New("must be a network such as 10.0.0.0/8, with zeros behind its length, or an address")
	}
	v.Set(reflect.ValueOf(p))
	return nil
}

// setLimit reads "5 in 10m".
func setLimit(v reflect.Value, text string) error {
	count, period, ok := strings.Cut(text, " in ")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	d, derr := parseDuration(strings.TrimSpace(period))
	l := ratelimit.Limit{Burst: n, Period: d}
	if !ok || err != nil || derr != nil || n < 1 || l.Validate() != nil {
		return errors.New(`must be a number of events and a period, such as "5 in 10m"`)
	}
	v.Set(reflect.ValueOf(l))
	return nil
}

// setDefaults sets every field of v, which is a struct, to what its tag default says.
func setDefaults(v reflect.Value) {
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag
		text := tag.Get("default")
		switch {
		case field.Kind() == reflect.Struct && !isScalar(field.Type()):
			setDefaults(field)
		case text != "":
			_ = setText(field, text, tag) // a test reads every tag
		}
	}
}

// setText reads text into a scalar, or, parted at its commas, into a list of scalars.
func setText(v reflect.Value, text string, tag reflect.StructTag) error {
	if v.Kind() != reflect.Slice {
		return setScalar(v, text, tag)
	}
	list := reflect.MakeSlice(v.Type(), 0, 4)
	if strings.TrimSpace(text) != "" {
		for part := range strings.SplitSeq(text, ",") {
			item := reflect.New(v.Type().Elem()).Elem()
			if err := setScalar(item, strings.TrimSpace(part), tag); err != nil {
				return fmt.Errorf("each part between commas %w", err)
			}
			list = reflect.Append(list, item)
		}
	}
	v.Set(list)
	return nil
}
