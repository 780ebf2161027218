package study

import "encoding/json"

// A Set gives fields values, as --set of safex train: {"planner.Horizon": "20", "learner.Hidden": "64,64"}.
type Set map[string]string

// MarshalJSON writes numbers and switches without quotes.
func (s Set) MarshalJSON() ([]byte, error) {
	plain := map[string]json.RawMessage{}
	for field, value := range s {
		var v any
		if err := json.Unmarshal([]byte(value), &v); err == nil {
			switch v.(type) {
			case float64, bool:
				plain[field] = json.RawMessage(value)
				continue
			}
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		plain[field] = text
	}
	return json.Marshal(plain)
}
