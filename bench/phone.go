package main

import "strconv"

// mix spreads consecutive numbers over a range that it shares no factor with (it is not divisible by 2, 3, 5, 17 or 47).
const mix = 123456791

const (
	britishMobiles = 300_000_000  // +447 1.. to 3.. and eight digits: all are mobile numbers
	perArea        = 799 * 10_000 // 800 exchanges of seven digits from 200, without 555, which is kept for fiction
)

// areas are area codes of the United States, which has no numbers for mobile telephones alone.
var areas = [...]string{"201", "202", "203", "205", "206", "207", "208", "209", "210", "212", "213", "214", "215", "216",
	"217", "218", "219", "224", "225", "228", "229", "231", "234", "239", "240", "248", "251", "252", "253", "254"}

// phone is the i-th recipient: a valid number in E.164 form, a different one for each i up to four hundred million.
func phone(i uint64) string {
	if i%2 == 0 {
		n := i / 2 * mix % britishMobiles
		return "+447" + strconv.FormatUint(100_000_000+n, 10)
	}
	i /= 2
	area, n := areas[i%uint64(len(areas))], i/uint64(len(areas))*mix%perArea
	exchange := 200 + n/10_000
	if exchange >= 555 {
		exchange++
	}
	return "+1" + area + strconv.FormatUint(exchange*10_000+n%10_000, 10)
}
