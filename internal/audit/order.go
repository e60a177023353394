package audit

import (
	"context"
	"fmt"

	"github.com/countersign/countersign/internal/uid"
)

// Tiler reads tiles, as Store and Reader do.
type Tiler interface {
	// Tiles is that of Store.
	Tiles(ctx context.Context, level int, first int64, count int) ([]Tile, error)
}

// Order reads the ids of the events at the indices from <= index < through, in the order of the log. The head must have
// been read before and be at least through. An event that retention has removed keeps its place here.
func Order(ctx context.Context, log Tiler, from, through int64) ([]uid.ID, error) {
	if from >= through {
		return nil, nil
	}
	first, last := from/TileWidth, (through-1)/TileWidth
	tiles, err := log.Tiles(ctx, OrderLevel, first, int(last-first)+1)
	if err != nil {
		return nil, fmt.Errorf("read the order of events: %w", err)
	}
	ids := make([]uid.ID, 0, through-from)
	for _, t := range tiles {
		for at := max(from, t.N*TileWidth); at < min(through, (t.N+1)*TileWidth); at++ {
			place := int(at-t.N*TileWidth) * idSize
			if at != from+int64(len(ids)) || place+idSize > len(t.Data) {
				return nil, fmt.Errorf("the log has no event at index %d", from+int64(len(ids)))
			}
			ids = append(ids, uid.ID(t.Data[place:place+idSize]))
		}
	}
	if int64(len(ids)) != through-from {
		return nil, fmt.Errorf("the log has no event at index %d", from+int64(len(ids)))
	}
	return ids, nil
}
