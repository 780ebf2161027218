package rollout

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Oracle is the Learner that has nothing to learn: its model is the OracleModel. It shows what planning alone can reach.
type Oracle struct{}

// Learn implements safex.Learner. It uses of data only whether they are numbers.
func (Oracle) Learn(ctx context.Context, s *safex.System, data *safex.Data, _ safex.Model, _ rng.Stream) (safex.Model, error) {
	if err := data.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return OracleModel(s), nil
}

const kind, format = "true", 1

// Save implements safex.Codec.
func (Oracle) Save(m safex.Model) ([]byte, error) {
	t, ok := m.(oracle)
	if !ok {
		return nil, fmt.Errorf("rollout: cannot save a %T as an oracle", m)
	}
	return checksum.Seal(kind, format, t.Dynamics.Fingerprint())
}

// Load implements safex.Codec. It refuses the oracle of other dynamics.
func (Oracle) Load(s *safex.System, data []byte) (safex.Model, error) {
	var dynamics string
	if err := checksum.Open(kind, format, data, &dynamics); err != nil {
		return nil, err
	}
	if dynamics != s.Dynamics.Fingerprint() {
		return nil, fmt.Errorf("rollout: load: the oracle of other dynamics than those of task %q", s.Name)
	}
	return OracleModel(s), nil
}

var _ safex.Codec = Oracle{}
