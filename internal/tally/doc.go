// Package tally keeps what operators look at first: how many events of each kind a tenant had in each hour, and which deliveries
// failed. It follows the sealed log by a position, as webhooks do, so that no change pays for it and no page counts rows.
//
//	event --> sealed in the log --> counted by tenant, hour and kind, with the position, in one transaction
//
// Words. A kind is the type of an event, or one of two that lie in the data of events: [Delivered] and [Undelivered]. The position is
// the index in the log of the next event to count.
//
// Invariants. The position moves in the transaction that adds the counts, and only from where it was: no event counts twice, and
// none is left out. What is counted lags about two seconds behind what happens, and every report says as of when it is. Counts are
// of events, by the hour (UTC) in which they happened; they are kept for [Kept].
//
// A new installation counts from its first event. A log that had more than [wholeLog] events when the tables were made is counted
// from two days before; a report says so.
//
// [Service.Watch] tells that counts of a tenant have moved, which is how a page learns that it is old.
package tally
