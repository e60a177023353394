// Package audit is the log of what happened, which proves by itself that nothing in it was changed.
//
// An [Event] is written in the transaction of the change that it tells of, together with a pending entry. The
// [Sealer] takes pending events in the order of their ids and appends their leaf hashes to one Merkle log per
// database (RFC 6962, by golang.org/x/mod/sumdb/tlog). What it writes: [Tile] blobs of 256 hashes, tiles of the ids
// in log order, the [Head], and signed checkpoints, which also go to a file outside the database. [Verify] reads all
// of it back, without the server and without secrets; [Export] hands events with proofs to somebody who has no
// database at all, and [VerifyExport] checks those.
//
// Words: a leaf is the hash of one event in a fixed binary form; the index is a leaf's place in the log, from 0; a
// checkpoint is a signed head; a prune record is a signed statement that retention removed the events below an id.
//
// Invariants. The index is the order of sealing, and an index never changes. The log only grows, and only from the
// head it had: of two sealers one wins. A leaf covers everything in an event but Subject.Sealed and Subject.Salt, of
// which it covers the digest, so a person can be erased and the log still verifies. Hashes and checkpoints are never
// removed.
//
// What it does not do: it holds no keys, neither seals nor opens subjects, and knows no database. An event younger than
// a sealing interval is not protected yet. The newest entries are protected against somebody who can rewrite the whole
// database and sign only as far as a checkpoint has left the machine.
package audit
