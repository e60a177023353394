package factor

import "crypto/subtle"

// look compares code with those of every step that could matter, all of them whatever fits, in the same time. It gives the
// newest step that fits within the window and the newest beyond it, 0 for none. Steps up to the last one used never fit. The
// newest, because a code that fits two steps by chance must not be right twice.
func (f *Factor) look(s Secret, code string, current int64) (within, beyond int64) {
	m, got := f.Config.maker(s), []byte(code)
	reach, back := f.Config.reach(), f.Config.back()
	in, out := reach+back+1, reach+back+1 // one more than any offset: none
	none := in
	for offset := -reach - back; offset <= reach; offset++ {
		step := current + int64(offset)
		fits := subtle.ConstantTimeCompare(m.code(step), got) & bit(step > f.LastStep)
		inside := bit(offset <= f.Drift && offset >= f.Drift-back)
		in = subtle.ConstantTimeSelect(fits&inside, offset, in)
		out = subtle.ConstantTimeSelect(fits&(1-inside), offset, out)
	}
	if in != none {
		within = current + int64(in)
	}
	if out != none {
		beyond = current + int64(out)
	}
	return within, beyond
}

// bit is 1 for true. What it is asked is no secret: it depends on times alone.
func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}

// learn takes note of a code that fits a step beyond the window; 0: it fits none. One such code is wrong. When the next
// code handed in is of a later step and as far off, give or take the one step that people's hands and a clock on the
// edge of a step make, the two are the clock of the device: it is learned, and the second code is right (SP-A2, and RFC 4226
// §7.4: resynchronisation needs two codes in a row). It answers the step then, 0 otherwise.
func (f *Factor) learn(step, current int64) int64 {
	offset, reach := int(step-current), f.Config.reach()
	if step == 0 || offset < -reach {
		f.SeenStep, f.SeenOffset = 0, 0
		return 0
	}
	if f.SeenStep != 0 && step > f.SeenStep && max(offset-f.SeenOffset, f.SeenOffset-offset) <= 1 {
		f.Drift = max(offset, f.SeenOffset) // a device shows no code before its time, so the earlier one is nearer to it
		return step
	}
	if step != f.SeenStep { // the same code again is not the next one, and does not undo the first
		f.SeenStep, f.SeenOffset = step, offset
	}
	return 0
}
