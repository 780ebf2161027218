// Package plant has real systems that answer from outside: processes that speak a small protocol, in whatever language, and recordings of episodes.
//
// # The protocol
//
// A process reads requests from its standard input, a line of JSON each, and answers each with a line of JSON on its standard output. First of all, unasked,
// it says what it is:
//
//	{"safex": 1, "state": ["cos", "sin", "omega"], "action": ["torque"], "dt": 0.05}
//
// with the names of the dimensions of its state and its actions, in order, and the seconds that a step takes. With "repeats": true it promises the same answers,
// to the bit, to the same seed and the same actions: an episode that was cut short then goes on where it was. Then come, in any order and number:
//
//	{"reset": {"seed": 7}}  begins an episode, in which all that is random depends on the seed; answered by {"state": [1, 0, 0.1]}
//	{"step": [0.3]}         applies actions, which are in [-1, 1]; answered by {"state": [0.98, 0.2, 0.4]}, and, where the episode is over with it,
//	                        "terminated": true (there is nothing after that state) or "truncated": true (cut from outside), and "why": "it fell"
//	{"close": true}         ends the process; it also ends when its standard input does
//
// A request that cannot be answered is answered by {"error": "a sentence for the user"}. Members that are not known are passed over, by both sides, so that later
// versions can add some. Standard output is for answers alone: what else there is to say goes to standard error. Before the greeting, lines that are no
// JSON are passed over, as libraries greet too.
package plant

import (
	"regexp"

	"encoding/json/v2"

	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// Version is that of the protocol.
const Version = 1

// A Hello is what a process says of itself, first of all.
type Hello struct {
	Safex   int      `json:"safex"`            // Version
	State   []string `json:"state"`            // names of the dimensions
	Action  []string `json:"action"`           // likewise
	Dt      float64  `json:"dt"`               // s, of a step
	Repeats bool     `json:"repeats,omitzero"` // see safex.Repeater
	Error   string   `json:"error,omitzero"`   // why it cannot begin, in a sentence
}

// A request is a line to the process: one of its members.
type request struct {
	Reset *reset    `json:"reset,omitzero"`
	Step  []float64 `json:"step,omitzero"`
	Close bool      `json:"close,omitzero"`
}

// A reset asks for the beginning of an episode.
type reset struct {
	Seed uint32 `json:"seed"`
}

// An answer is a line from the process.
type answer struct {
	State      []float64 `json:"state,omitzero"`
	Terminated bool      `json:"terminated,omitzero"`
	Truncated  bool      `json:"truncated,omitzero"`
	Why        string    `json:"why,omitzero"`
	Error      string    `json:"error,omitzero"`
}

// bare are the words that programs write for numbers for which JSON has none.
var bare = regexp.MustCompile(`-?\b(NaN|nan|Infinity|inf|Inf)\b`)

// decode reads a line. A bare NaN or infinity is a NaN: what asked finds it, and names the dimension.
func decode(line []byte, v any) error {
	err := encode.Decode(line, v, json.RejectUnknownMembers(false))
	if err != nil && bare.Match(line) {
		return encode.Decode(bare.ReplaceAll(line, []byte("null")), v, json.RejectUnknownMembers(false))
	}
	return err
}
