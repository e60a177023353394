package app

import (
	"reflect"
	"slices"
	"strings"
)

// envPrefix is what variables of the configuration begin with.
const envPrefix = "COUNTERSIGN_"

// ConfigVariable names the file when --config does not.
const ConfigVariable = envPrefix + "CONFIG"

// variable is one key that the environment can set.
type variable struct {
	name  string // COUNTERSIGN_LOG_LEVEL
	key   string // log.level
	value reflect.Value
	tag   reflect.StructTag
	file  bool
}

// variables lists those of a struct: scalars and lists of scalars, in tables that are there once.
func variables(v reflect.Value, key string) (list []variable) {
	for i := range v.NumField() {
		f, tag := v.Field(i), v.Type().Field(i).Tag
		name := tag.Get("yaml")
		path := strings.TrimPrefix(key+"."+name, ".")
		switch t := f.Type(); {
		case name == "-":
		case isScalar(t), t.Kind() == reflect.Slice && isScalar(t.Elem()):
			upper := envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
			list = append(list, variable{name: upper, key: path, value: f, tag: tag})
			if t == secretType && tag.Get("env") != "only" {
				list = append(list, variable{name: upper + "_FILE", key: path, value: f, tag: tag, file: true})
			}
		case t.Kind() == reflect.Struct:
			list = append(list, variables(f, path)...)
		case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && !f.IsNil():
			list = append(list, variables(f.Elem(), path)...)
		}
	}
	return list
}

// overlay sets what the environment sets. A table that is nil without it, smtp, comes to be when one of its keys is set.
func (s *source) overlay(c *Config, environ []string) {
	given := make(map[string]string)
	for _, pair := range environ {
		if name, text, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, envPrefix) {
			given[name] = text
		}
	}
	if c.SMTP == nil && slices.ContainsFunc(sortedKeys(given), func(n string) bool { return strings.HasPrefix(n, envPrefix+"SMTP_") }) {
		c.SMTP = newSMTP()
	}
	for _, v := range variables(reflect.ValueOf(c).Elem(), "") {
		text, ok := given[v.name]
		if !ok {
			continue
		}
		delete(s.places, v.key) // a fault of this value is no fault of the file
		s.fromEnv(v, text, given)
	}
}

func (s *source) fromEnv(v variable, text string, given map[string]string) {
	fault := Fault{File: "environment", Key: v.name}
	var err error
	switch {
	case !v.file:
		err = setText(v.value, text, v.tag)
	case given[strings.TrimSuffix(v.name, "_FILE")] != "":
		fault.What, fault.Remedy = "is given beside "+strings.TrimSuffix(v.name, "_FILE")+".", "Keep one of the two."
	default:
		err = readSecret(v.value, text)
	}
	if err != nil {
		fault.What = err.Error() + "."
	}
	if fault.What != "" {
		s.faults = append(s.faults, fault)
		return
	}
	s.env[v.key] = v.name
}
