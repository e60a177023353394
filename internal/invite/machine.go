package invite

// action is what may happen to an invitation.
type action string

// The actions.
const (
	actCarry    action = "carry"    // a provider took the link
	actFail     action = "fail"     // the link did not arrive by any channel
	actOpen     action = "open"     // the link was opened in a browser
	actAsk      action = "ask"      // a code was asked for
	actPass     action = "pass"     // the last gate was passed
	actLock     action = "lock"     // the limits of a gate are used up
	actReach    action = "reach"    // the consent page was reached
	actAccept   action = "accept"   // consent was given
	actWaive    action = "waive"    // consent is asked for elsewhere
	actDecline  action = "decline"  // consent was refused
	actLeave    action = "leave"    // the customer of an entered one gave up at a gate
	actHandOff  action = "hand_off" // the customer was sent on
	actComplete action = "complete" // nothing is left to be done
	actExpire   action = "expire"   // its time is over, or the sends of an entered contact are
	actCancel   action = "cancel"   // the firm ended it
	actRelink   action = "relink"   // the firm asked for a new link
	actCorrect  action = "correct"  // the firm corrected a contact
	actUnlock   action = "unlock"   // the firm gave a locked gate one more cycle
)

// machine is RA b.5, with ID-26 to ID-29. What is not in it does not happen: it is a Conflict. A status that leads to itself is one
// in which the action is fine and changes no status: the link of one that is under way may be opened again, and its gate asked
// for again in another browser (RA-45), or unlocked behind a new link.
var machine = map[Status]map[action]Status{
	Created: {
		actCarry: Sent, actFail: Undeliverable, actOpen: Opened, actUnlock: Created,
		actExpire: Expired, actCancel: Canceled, actRelink: Created, actCorrect: Created,
	},
	Sent: {
		actCarry: Sent, actFail: Undeliverable, actOpen: Opened, actUnlock: Sent,
		actExpire: Expired, actCancel: Canceled, actRelink: Created, actCorrect: Created,
	},
	Undeliverable: {
		actCarry: Sent, actOpen: Opened, actUnlock: Undeliverable,
		actExpire: Expired, actCancel: Canceled, actRelink: Created, actCorrect: Created,
	},
	Opened: {
		actCarry: Opened, actOpen: Opened, actAsk: MobilePending, actLock: MobileFailed, actUnlock: Opened, actReach: ConsentPending, actWaive: Consented,
		actLeave: Declined, actExpire: Expired, actCancel: Canceled, actRelink: Created, actCorrect: Created,
	},
	MobilePending: {
		actCarry: MobilePending, actOpen: MobilePending, actAsk: MobilePending, actPass: MobileVerified, actLock: MobileFailed, actLeave: Declined,
		actExpire: Expired, actCancel: Canceled, actRelink: Created, actCorrect: Created,
	},
	MobileFailed: {
		actCarry: MobileFailed, actOpen: MobileFailed, actAsk: MobilePending, actUnlock: MobilePending,
		actExpire: Expired, actCancel: Canceled, actRelink: MobileFailed, actCorrect: Created,
	},
	MobileVerified: {
		actCarry: MobileVerified, actOpen: MobileVerified, actAsk: MobileVerified, actPass: MobileVerified, actLock: MobileVerified,
		actUnlock: MobileVerified, actReach: ConsentPending, actWaive: Consented,
		actExpire: Expired, actCancel: Canceled, actRelink: Created,
	},
	ConsentPending: {
		actCarry: ConsentPending, actOpen: ConsentPending, actAsk: ConsentPending, actPass: ConsentPending, actLock: ConsentPending,
		actUnlock: ConsentPending, actReach: ConsentPending, actAccept: Consented, actDecline: Declined,
		actExpire: Expired, actCancel: Canceled, actRelink: Created,
	},
	Consented: {
		actCarry: Consented, actOpen: Consented, actAsk: Consented, actPass: Consented, actLock: Consented, actUnlock: Consented,
		actHandOff: HandedOff, actCancel: Canceled, actRelink: Consented,
	},
	HandedOff: {
		actCarry: HandedOff, actOpen: HandedOff, actAsk: HandedOff, actPass: HandedOff, actLock: HandedOff, actUnlock: HandedOff,
		actHandOff: HandedOff, actComplete: Completed, actCancel: Canceled, actRelink: HandedOff,
	},
}

// next is where an action leads from a status, and whether it may happen there at all.
func next(s Status, a action) (Status, bool) {
	to, ok := machine[s][a]
	return to, ok
}
