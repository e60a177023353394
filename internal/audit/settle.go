package audit

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/uid"
)

// claim is what a good checkpoint says of the log.
type claim struct {
	head    Head
	where   string // for people: "in the database", "line 3 of the checkpoint file"
	outside bool
}

// tree recomputes the log from its leaf hashes and compares everything that is kept above them.
type tree struct {
	reader Reader
	head   Head
	claims []claim // ordered by size, none beyond head
	report *Report

	edge  *edge // from the leaf hashes up
	above *edge // from the kept hashes of level 1 up; nil as long as both are the same
	torn  []Finding

	good   int64   // size of the last claim that held
	broken []claim // claims in a row that did not
	higher []Tile  // full tiles of level 2 and up, to be compared
}

// settle compares the hashes of one chunk with what is kept above them. It explains differences away that a changed
// hash, and not a changed event, has caused: those are removed from differ, and their number is returned.
func (t *tree) settle(ctx context.Context, c *chunk, differ map[int64]difference) (int64, error) {
	var explained int64
	for first := 0; first < c.entries; first += TileWidth {
		width := min(TileWidth, c.entries-first)
		base := c.base + int64(first)
		data := c.hashes[first*tlog.HashSize:][:width*tlog.HashSize]
		gone := slices.Contains(levelGone(c, 0), base>>tileHeight)
		if gone {
			t.report.add(TileDamage, base, base+int64(width), uid.ID{}, "the kept hashes are gone")
		}
		if patched, n := patch(base, data, differ); n > 0 && !t.fits(c, first, data) && t.fits(c, first, patched) {
			t.explain(base, width, differ, gone)
			data, explained = patched, explained+n
		} else if gone {
			dropDifferences(base, width, differ) // there is nothing to compare with
		}
		t.grow(c, first, data)
	}
	return explained, t.compareHigher(ctx, t.takeHigher())
}

// fits reports whether the leaf hashes in data, those of the tile that begins at entry first of c, agree with what is
// kept above.
func (t *tree) fits(c *chunk, first int, data []byte) bool {
	if len(data) < hashFull { // nothing but the head is above the last tile
		return t.holds(t.head, data)
	}
	return subtreeRoot(data) == c.parent(first/TileWidth)
}

// grow appends one tile of leaf hashes.
func (t *tree) grow(c *chunk, first int, data []byte) {
	base := c.base + int64(first)
	t.check(base, data)
	if len(data) < hashFull {
		for at := 0; at < len(data); at += tlog.HashSize {
			t.append(0, tlog.Hash(data[at:]), tlog.Hash(data[at:]))
		}
		return
	}
	root, kept := subtreeRoot(data), c.parent(first/TileWidth)
	if slices.Contains(levelGone(c, 1), base>>(2*tileHeight)) {
		kept = root // told once for the whole tile
	}
	if root != kept {
		t.torn = append(t.torn, Finding{Index: base, End: base + TileWidth})
	}
	t.append(tileHeight, root, kept)
}

// append appends 2^level leaves by the root over them, as the leaves give it and as it is kept.
func (t *tree) append(level int, root, kept tlog.Hash) {
	if root != kept && t.above == nil {
		t.above = t.edge.clone()
	}
	t.edge.addSubtree(level, root, func(tile Tile) {
		if tile.Level >= 2 {
			t.higher = append(t.higher, tile)
		}
	})
	if t.above != nil {
		t.above.addSubtree(level, kept, func(Tile) {})
	}
}

// check compares the claims about sizes within the tile that begins at base and holds data.
func (t *tree) check(base int64, data []byte) {
	end := base + int64(len(data)/tlog.HashSize)
	for len(t.claims) > 0 && t.claims[0].head.Size <= end {
		c := t.claims[0]
		t.claims = t.claims[1:]
		if !t.holds(c.head, data[:(c.head.Size-base)*tlog.HashSize]) {
			if n := len(t.broken); n == 0 || t.broken[n-1].head != c.head { // the database and the file say the same
				t.broken = append(t.broken, c)
			}
			continue
		}
		t.endFork()
		t.good = c.head.Size
		if c.outside {
			t.report.Outside++
		} else {
			t.report.Checkpoints++
		}
	}
}

func (t *tree) holds(h Head, data []byte) bool {
	return t.edge.rootWith(data) == h.Root || t.above != nil && t.above.rootWith(data) == h.Root
}

// endFork tells of claims in a row that did not hold.
func (t *tree) endFork() {
	if len(t.broken) == 0 {
		return
	}
	c := t.broken[0]
	detail := fmt.Sprintf("the checkpoint of size %d %s states another root", c.head.Size, c.where)
	if n := len(t.broken) - 1; n > 0 {
		detail += fmt.Sprintf(", and so do %d after it", n)
	}
	t.report.add(Forked, t.good, c.head.Size, uid.ID{}, detail)
	t.broken = nil
}

// finish compares the head and what is kept above the leaves to the end.
func (t *tree) finish(ctx context.Context) error {
	last := slices.DeleteFunc(t.edge.partial(0), func(tile Tile) bool { return tile.Level < 2 })
	if err := t.compareHigher(ctx, last); err != nil {
		return err
	}
	forked := len(t.broken) > 0
	t.endFork()
	byLeaves := t.edge.root() == t.head.Root
	if !t.holds(t.head, nil) && !forked {
		t.report.add(BadHead, t.good, t.head.Size, uid.ID{}, "the root in the head is not that of the hashes")
	}
	for _, f := range t.torn {
		detail := "entries were changed together with their hashes"
		if byLeaves {
			detail = "the hash of level 1 over these entries was changed; the entries are intact"
		}
		t.report.add(TileDamage, f.Index, f.End, uid.ID{}, detail)
	}
	t.report.Covered = t.good
	return nil
}

func (t *tree) takeHigher() []Tile {
	tiles := t.higher
	t.higher = nil
	return tiles
}

// compareHigher compares computed tiles of level 2 and up with the kept ones.
func (t *tree) compareHigher(ctx context.Context, tiles []Tile) error {
	for _, want := range tiles {
		kept, err := t.reader.Tiles(ctx, want.Level, want.N, 1)
		if err != nil {
			return fmt.Errorf("read tile of level %d: %w", want.Level, err)
		}
		for at := 0; at < len(want.Data); at += tlog.HashSize {
			entry := want.Data[at : at+tlog.HashSize]
			if len(kept) == 1 && len(kept[0].Data) >= at+tlog.HashSize && t.expects(want, at, kept[0].Data[at:]) {
				continue
			}
			shift := tileHeight * want.Level
			index := (want.N<<tileHeight + int64(at/len(entry))) << shift
			t.report.add(TileDamage, index, min(index+1<<shift, t.head.Size), uid.ID{},
				fmt.Sprintf("the hash of level %d over these entries was changed or is gone", want.Level))
		}
	}
	return nil
}

// expects reports whether kept begins with the entry of tile at the given offset. Once leaves and level 1 have
// parted, the entries that differ were told of at the leaves.
func (t *tree) expects(tile Tile, at int, kept []byte) bool {
	return t.above != nil || tlog.Hash(tile.Data[at:]) == tlog.Hash(kept)
}

// explain tells of hashes that were changed while the events were not.
func (t *tree) explain(base int64, width int, differ map[int64]difference, gone bool) {
	for index := base; index < base+int64(width); index++ {
		if d, ok := differ[index]; ok && !gone {
			t.report.add(HashDamage, index, index+1, d.id, "the kept hash was changed; the event is as it was sealed")
		}
	}
	dropDifferences(base, width, differ)
}

func dropDifferences(base int64, width int, differ map[int64]difference) {
	for index := base; len(differ) > 0 && index < base+int64(width); index++ {
		delete(differ, index)
	}
}

// patch returns data with the hashes of the events in the place of those that differ, and how many did.
func patch(base int64, data []byte, differ map[int64]difference) (patched []byte, n int64) {
	if len(differ) == 0 {
		return nil, 0
	}
	patched = slices.Clone(data)
	for at := 0; at < len(data); at += tlog.HashSize {
		if d, ok := differ[base+int64(at/tlog.HashSize)]; ok {
			copy(patched[at:], d.leaf[:])
			n++
		}
	}
	return patched, n
}

// levelGone returns the numbers of the tiles of a level that are gone.
func levelGone(c *chunk, level int) []int64 {
	var numbers []int64
	for _, t := range c.gone {
		if t.Level == level {
			numbers = append(numbers, t.N)
		}
	}
	return numbers
}
