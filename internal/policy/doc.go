// Package policy is what a tenant has decided about its invitations: whether a customer proves the mobile number, whether the
// sender of one invitation may change that, how long links live, and what the pages look like. It is pure: values, their
// validation, and the functions that say what follows from them. Who changes a setting and where it is kept is for others.
//
// Words. A mode is one of the four options of "Mobile 2FA"; a preset is what it says when the sender says nothing; a mode or a
// toggle is locked when the sender may not say otherwise.
package policy
