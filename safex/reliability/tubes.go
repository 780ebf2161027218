package reliability

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// Tubes say of an episode how often the real system stayed where whole plans and backups of it say, with nothing planned anew on the way. A folder does not keep what
// was planned: who wants to know takes the run again, and keeps them in it.
type Tubes struct {
	Episode       int `json:"episode"`
	Plans         int `json:"plans"`
	PlansInTube   int `json:"plans_in_tube"`   // of Plans, those in whose tube the system stays for the steps in which the model may err
	Backups       int `json:"backups"`         // steps of which a filter proved something new: a tube into its terminal set, and a backup from there on
	BackupsInTube int `json:"backups_in_tube"` // of Backups, those where the system, under what was proved and then the backup, stays in that tube and that set
}

// tubesFile is what they are kept in, in the folder of a run.
const tubesFile = "tubes.json"

// keptTubes is what the file holds.
type keptTubes struct {
	Build    string  `json:"build"` // of the run
	Episodes []Tubes `json:"episodes"`
}

// KeepTubes keeps those of complete episodes in the folder of a run of a build, in place of what was kept there.
func KeepTubes(dir, build string, tubes []Tubes) error {
	text, err := encode.Indented(keptTubes{build, tubes})
	if err != nil {
		return err
	}
	return disk.Write(filepath.Join(dir, tubesFile), text)
}

// ReadTubes reads what KeepTubes kept in the folder of a run of the same build; nothing if there is none.
func ReadTubes(dir, build string) ([]Tubes, error) {
	path := filepath.Join(dir, tubesFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var k keptTubes
	if err := encode.Decode(text, &k); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; remove it, and safex card --tubes makes it again", path, err)
	}
	if k.Build != build {
		return nil, nil
	}
	for _, t := range k.Episodes {
		if min(t.PlansInTube, t.BackupsInTube) < 0 || t.PlansInTube > t.Plans || t.BackupsInTube > t.Backups || t.Backups > t.Plans {
			return nil, fmt.Errorf("%s is damaged: the counts of episode %d cannot be; remove it, and safex card --tubes makes it again", path, t.Episode)
		}
	}
	return k.Episodes, nil
}

// AddTubes adds what is known of plans and backups to the episodes of the report. Those of another number of steps are left out: they are of an episode that went on.
func (c *Report) AddTubes(tubes []Tubes) {
	for _, t := range tubes {
		for i := range c.Episodes {
			if e := &c.Episodes[i]; e.Number == t.Episode && e.Joint.N == t.Plans {
				e.Plans, e.Backups = Share{K: t.PlansInTube, N: t.Plans}, Share{K: t.BackupsInTube, N: t.Backups}
			}
		}
	}
}

// sum is the shares of all episodes together.
func (c *Report) sum(name string, of func(e *Episode) Share) Share {
	all := Share{Name: name}
	for i := range c.Episodes {
		s := of(&c.Episodes[i])
		all.K, all.N = all.K+s.K, all.N+s.N
	}
	return all
}
