package store

import (
	"encoding/json"
	"time"

	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// limitRow is a rate limit as the column of its service holds it: few, read and written with it, and looked at by no statement.
type limitRow struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Buckets     []bucketRow `json:"buckets,omitempty"`
	Created     int64       `json:"created_us"`
	Updated     int64       `json:"updated_us"`
}

type bucketRow struct {
	ID       string `json:"id"`
	Max      int    `json:"max"`
	Interval int64  `json:"interval_us"`
	Created  int64  `json:"created_us"`
	Updated  int64  `json:"updated_us"`
}

func encodeRateLimits(limits []tenant.RateLimit) (string, error) {
	rows := make([]limitRow, len(limits))
	for i, l := range limits {
		rows[i] = limitRow{ID: l.ID.Hex(), Name: l.Name, Description: l.Description, Created: micros(l.CreatedAt), Updated: micros(l.UpdatedAt)}
		for _, b := range l.Buckets {
			rows[i].Buckets = append(rows[i].Buckets, bucketRow{
				ID: b.ID.Hex(), Max: b.Max, Interval: b.Interval.Microseconds(), Created: micros(b.CreatedAt), Updated: micros(b.UpdatedAt),
			})
		}
	}
	return jsonText(rows, false)
}

func decodeRateLimits(text string) (limits []tenant.RateLimit, err error) {
	var rows []limitRow
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, err
	}
	for _, r := range rows {
		l := tenant.RateLimit{Name: r.Name, Description: r.Description, CreatedAt: fromMicros(r.Created), UpdatedAt: fromMicros(r.Updated)}
		if l.ID, err = uid.ParseHex(r.ID); err != nil {
			return nil, err
		}
		for _, b := range r.Buckets {
			one := tenant.Bucket{
				Max: b.Max, Interval: time.Duration(b.Interval) * time.Microsecond, CreatedAt: fromMicros(b.Created), UpdatedAt: fromMicros(b.Updated),
			}
			if one.ID, err = uid.ParseHex(b.ID); err != nil {
				return nil, err
			}
			l.Buckets = append(l.Buckets, one)
		}
		limits = append(limits, l)
	}
	return limits, nil
}
