package audit

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/uid"
)

const (
	idSize    = 16 // bytes of one entry at OrderLevel
	orderFull = TileWidth * idSize
	hashFull  = TileWidth * tlog.HashSize
)

// edge is the right edge of a log: all that is needed to append to it. It is not safe for concurrent use.
type edge struct {
	size  int64
	stack []tlog.Hash // roots of the complete subtrees, largest first: one for each bit set in size
	order []byte      // the last tile of ids, as far as it is filled
	tiles [][]byte    // by level, the last tile of hashes, as far as it is filled
}

// add appends one leaf and hands each tile that it fills to full, which may keep the data.
func (e *edge) add(id uid.ID, leaf tlog.Hash, full func(Tile)) {
	e.order = append(e.order, id[:]...)
	if len(e.order) == orderFull {
		full(Tile{Level: OrderLevel, N: e.size >> tileHeight, Data: e.order})
		e.order = make([]byte, 0, orderFull)
	}
	e.addSubtree(0, leaf, full)
}

// addSubtree appends 2^level leaves at once by the root over them. Level is a multiple of tileHeight, and size one of
// 2^level. The tiles of the levels below stay as they are: whoever uses this does not want them.
func (e *edge) addSubtree(level int, h tlog.Hash, full func(Tile)) {
	grown := int64(1) << level
	e.addHash(level/tileHeight, h, full)
	for ; e.size>>level&1 == 1; level++ {
		last := len(e.stack) - 1
		h = tlog.NodeHash(e.stack[last], h)
		e.stack = e.stack[:last]
		if (level+1)%tileHeight == 0 {
			e.addHash((level+1)/tileHeight, h, full)
		}
	}
	e.stack = append(e.stack, h)
	e.size += grown
}

// addHash appends h to the last tile of level.
func (e *edge) addHash(level int, h tlog.Hash, full func(Tile)) {
	for level >= len(e.tiles) {
		e.tiles = append(e.tiles, make([]byte, 0, hashFull))
	}
	e.tiles[level] = append(e.tiles[level], h[:]...)
	if len(e.tiles[level]) == hashFull {
		full(Tile{Level: level, N: e.size >> (tileHeight * (level + 1)), Data: e.tiles[level]})
		e.tiles[level] = make([]byte, 0, hashFull)
	}
}

// root is the root over all leaves.
func (e *edge) root() tlog.Hash { return joinRoots(e.stack) }

// rootWith is the root that the log has after the leaves in data, which must be at most a tile that begins at size.
func (e *edge) rootWith(data []byte) tlog.Hash {
	return joinRoots(append(slices.Clone(e.stack), subtrees(data)...))
}

// joinRoots is the root over complete subtrees, largest first (RFC 6962 §2.1): they are joined from the right.
func joinRoots(stack []tlog.Hash) tlog.Hash {
	if len(stack) == 0 {
		return tlog.Hash{}
	}
	last := len(stack) - 1
	h := stack[last]
	for _, left := range slices.Backward(stack[:last]) {
		h = tlog.NodeHash(left, h)
	}
	return h
}

func (e *edge) head() Head { return Head{Size: e.size, Root: e.root()} }

// partial returns copies of the tiles that have entries since the log had size old and are not full.
func (e *edge) partial(old int64) []Tile {
	var tiles []Tile
	if len(e.order) > 0 && e.size > old {
		tiles = append(tiles, Tile{Level: OrderLevel, N: e.size >> tileHeight, Data: slices.Clone(e.order)})
	}
	for level, data := range e.tiles {
		shift := tileHeight * level
		if len(data) > 0 && e.size>>shift > old>>shift {
			tiles = append(tiles, Tile{Level: level, N: e.size >> (shift + tileHeight), Data: slices.Clone(data)})
		}
	}
	return tiles
}

func (e *edge) clone() *edge {
	c := &edge{size: e.size, stack: slices.Clone(e.stack), order: grown(e.order, orderFull)}
	for _, data := range e.tiles {
		c.tiles = append(c.tiles, grown(data, hashFull))
	}
	return c
}

func grown(data []byte, size int) []byte { return append(make([]byte, 0, size), data...) }

// loadEdge reads the right edge of the log of the given head. It answers errEdge when the tiles don't give the head's
// root: a log that was tampered with is not built upon.
func loadEdge(ctx context.Context, s Store, head Head) (*edge, error) {
	e := &edge{size: head.Size}
	order, err := lastTile(ctx, s, OrderLevel, head.Size, idSize)
	if err != nil {
		return nil, err
	}
	e.order = grown(order, orderFull)
	for level := 0; head.Size>>(tileHeight*level) > 0; level++ {
		data, err := lastTile(ctx, s, level, head.Size>>(tileHeight*level), tlog.HashSize)
		if err != nil {
			return nil, err
		}
		e.tiles = append(e.tiles, grown(data, hashFull))
	}
	for _, data := range slices.Backward(e.tiles) {
		e.stack = append(e.stack, subtrees(data)...)
	}
	if e.root() != head.Root {
		return nil, errEdge
	}
	return e, nil
}

// lastTile returns the entries of the last tile of a level that has size entries; none when that tile would be empty.
func lastTile(ctx context.Context, s Store, level int, size int64, entry int) ([]byte, error) {
	width := int(size % TileWidth)
	if width == 0 {
		return nil, nil
	}
	tiles, err := s.Tiles(ctx, level, size>>tileHeight, 1)
	if err != nil {
		return nil, fmt.Errorf("read the last tile of level %d: %w", level, err)
	}
	if len(tiles) != 1 || len(tiles[0].Data) < width*entry {
		return nil, errEdge
	}
	return tiles[0].Data[:width*entry], nil
}

// subtrees are the roots of the largest complete subtrees over the hashes in data, largest first.
func subtrees(data []byte) []tlog.Hash {
	var roots []tlog.Hash
	for len(data) > 0 {
		width := 1 << (bits.Len(uint(len(data)/tlog.HashSize)) - 1)
		roots = append(roots, subtreeRoot(data[:width*tlog.HashSize]))
		data = data[width*tlog.HashSize:]
	}
	return roots
}

// subtreeRoot is the root over the hashes in data, whose number is a power of two.
func subtreeRoot(data []byte) tlog.Hash {
	var level [TileWidth]tlog.Hash
	n := len(data) / tlog.HashSize
	for i := range n {
		level[i] = tlog.Hash(data[i*tlog.HashSize:])
	}
	for ; n > 1; n /= 2 {
		for i := range n / 2 {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
	}
	return level[0]
}
