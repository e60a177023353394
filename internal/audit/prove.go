package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// prover makes inclusion proofs. It keeps the tiles that it has read, with all hashes within them, so that proving
// entries in log order costs a few hashes each. It is not safe for concurrent use.
type prover struct {
	ctx    context.Context // of the one call that the prover serves: tlog.HashReader has no place for it
	reader Reader
	tiles  map[tileKey][][]tlog.Hash // by height within the tile, all complete subtrees
}

type tileKey struct {
	level int
	n     int64
}

// maxProverTiles bounds the memory of a prover to about 1 MB.
const maxProverTiles = 64

func newProver(ctx context.Context, r Reader) *prover {
	return &prover{ctx: ctx, reader: r, tiles: map[tileKey][][]tlog.Hash{}}
}

// prove returns the proof that the log of the given head has leaf at index. It fails when the log does not agree with
// itself.
func (p *prover) prove(head Head, index int64, leaf tlog.Hash) (tlog.RecordProof, error) {
	proof, err := tlog.ProveRecord(head.Size, index, p)
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", index, err)
	}
	if err := tlog.CheckRecord(proof, head.Size, head.Root, index, leaf); err != nil {
		return nil, fmt.Errorf("entry %d is not as it was sealed, or the log is damaged; run `countersign audit verify`: %w", index, err)
	}
	return proof, nil
}

// ReadHashes implements tlog.HashReader.
func (p *prover) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, stored := range indexes {
		level, n := tlog.SplitStoredHashIndex(stored)
		height := level % tileHeight
		shift := tileHeight - height
		tile, err := p.tile(tileKey{level: level / tileHeight, n: n >> shift})
		if err != nil {
			return nil, err
		}
		at := n & (1<<shift - 1)
		if height >= len(tile) || at >= int64(len(tile[height])) {
			return nil, fmt.Errorf("tile %d of level %d is too short", n>>shift, level/tileHeight)
		}
		hashes[i] = tile[height][at]
	}
	return hashes, nil
}

func (p *prover) tile(key tileKey) ([][]tlog.Hash, error) {
	if t, ok := p.tiles[key]; ok {
		return t, nil
	}
	tiles, err := p.reader.Tiles(p.ctx, key.level, key.n, 1)
	if err != nil {
		return nil, fmt.Errorf("read tile of level %d: %w", key.level, err)
	}
	if len(tiles) != 1 {
		return nil, fmt.Errorf("tile %d of level %d is gone", key.n, key.level)
	}
	if len(p.tiles) >= maxProverTiles {
		clear(p.tiles)
	}
	t := pyramid(tiles[0].Data)
	p.tiles[key] = t
	return t, nil
}

// pyramid is the hashes in data and those of all complete subtrees over them, by height.
func pyramid(data []byte) [][]tlog.Hash {
	level := make([]tlog.Hash, min(len(data)/tlog.HashSize, TileWidth))
	for i := range level {
		level[i] = tlog.Hash(data[i*tlog.HashSize:])
	}
	all := [][]tlog.Hash{level}
	for len(level) > 1 && len(all) < tileHeight {
		next := make([]tlog.Hash, len(level)/2)
		for i := range next {
			next[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
		all = append(all, next)
		level = next
	}
	return all
}
