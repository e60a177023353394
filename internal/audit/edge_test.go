package audit

import (
	"encoding/binary"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/internal/uid"
)

// referenceLog is a log kept hash by hash as tlog itself does it.
type referenceLog struct{ hashes []tlog.Hash }

func (r *referenceLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, r.hashes[i])
	}
	return out, nil
}

func TestEdge_makes_the_tiles_and_roots_of_tlog(t *testing.T) {
	t.Parallel()
	const size = 66_000
	ref := &referenceLog{}
	e := &edge{}
	tiles := map[tlog.Tile][]byte{}
	keep := func(tile Tile) { tiles[tlog.Tile{H: tileHeight, L: tile.Level, N: tile.N, W: TileWidth}] = tile.Data }
	sizes := map[int64]bool{1: true, 2: true, 255: true, 256: true, 257: true, 511: true, 65_535: true, 65_536: true, 65_537: true, size: true}
	for i := range int64(size) {
		var id uid.ID
		binary.BigEndian.PutUint64(id[:], uint64(i))
		leaf := tlog.RecordHash(id[:])
		stored, err := tlog.StoredHashesForRecordHash(i, leaf, ref)
		if err != nil {
			t.Fatal(err)
		}
		ref.hashes = append(ref.hashes, stored...)
		e.add(id, leaf, func(tile Tile) {
			if tile.Level != OrderLevel {
				keep(tile)
			}
		})
		if !sizes[i+1] {
			continue
		}
		want, err := tlog.TreeHash(i+1, ref)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.root(); got != want {
			t.Fatalf("root at size %d = %v, want %v", i+1, got, want)
		}
	}
	for _, tile := range e.partial(0) {
		if tile.Level != OrderLevel {
			tiles[tlog.Tile{H: tileHeight, L: tile.Level, N: tile.N, W: len(tile.Data) / tlog.HashSize}] = tile.Data
		}
	}
	want := tlog.NewTiles(tileHeight, 0, size)
	if len(tiles) != len(want) {
		t.Errorf("%d tiles, want %d", len(tiles), len(want))
	}
	for _, tile := range want {
		data, err := tlog.ReadTileData(tile, ref)
		if err != nil || string(tiles[tile]) != string(data) {
			t.Errorf("tile %s is not that of tlog (%v)", tile.Path(), err)
		}
	}
}

func TestEdge_partial_is_what_a_batch_has_touched(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old := rapid.Int64Range(0, 70_000).Draw(t, "old")
		grown := rapid.Int64Range(0, 600).Draw(t, "grown")
		e := &edge{}
		for e.size+TileWidth <= old { // whole tiles, for speed
			e.addSubtree(tileHeight, tlog.Hash{1}, func(Tile) {})
		}
		for e.size < old {
			e.add(uid.ID{1}, tlog.Hash{2}, func(Tile) {})
		}
		type key struct {
			level int
			n     int64
			width int
		}
		got := map[key]bool{}
		keep := func(tile Tile) {
			if tile.Level != OrderLevel {
				got[key{tile.Level, tile.N, len(tile.Data) / tlog.HashSize}] = true
			}
		}
		for range grown {
			e.add(uid.ID{1}, tlog.Hash{3}, keep)
		}
		for _, tile := range e.partial(old) {
			keep(tile)
		}
		want := tlog.NewTiles(tileHeight, old, old+grown)
		for _, tile := range want {
			if !got[key{tile.L, tile.N, tile.W}] {
				t.Fatalf("from %d by %d: tile %s is not written", old, grown, tile.Path())
			}
		}
		if len(got) != len(want) {
			t.Fatalf("from %d by %d: %d tiles, want %d", old, grown, len(got), len(want))
		}
	})
}
