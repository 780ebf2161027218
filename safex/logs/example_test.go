package logs_test

import (
	"fmt"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/logs"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// Reads a log of a pendulum from a bench, where the angle is a column and the torque is in Nm: there is a gap, and a sensor that was silent. Then the same with
// a turn rate in degrees.
func ExampleSettings_Read() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	const bench = `# recorded on Monday
time; theta; omega; torque
0,00; 3,1000; 0,000; 2,00
0,05; 3,1162; 0,324; 1,50
0,10; 3,1458; 0,593; 0,00
0,15; 3,1756;      ; 0,00
0,20; 3,2024; 0,536; -1,00
0,25; 3,2139; 0,231; -1,00
0,40; 3,1829; -0,390; 0,50
0,45; 3,1684; -0,290; 0,50
`
	c := logs.Default()
	c.Ranges = map[string]logs.Range{"torque": {AtMinus1: -2, At1: 2}}
	log, err := c.Read(s, "bench.csv", []byte(bench))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(log.Data.Len(), "transitions in", log.Episodes(), "episode and", len(log.Data.Episodes()), "trajectories")
	for _, note := range log.Notes {
		fmt.Println("-", note)
	}
	degrees := strings.NewReplacer("0,324", "18,56", "0,593", "33,98", "0,536", "30,71", "0,231", "13,24", "-0,390", "-22,34", "-0,290", "-16,62").Replace(bench)
	_, err = c.Read(s, "bench.csv", []byte(degrees))
	fmt.Println(err)
	// Output:
	// 4 transitions in 1 episode and 3 trajectories
	// - numbers have decimal commas, as in line 3, and were read so
	// - rows without a number in omega were left out, and a trajectory ends before each: line 6
	// - rows are not a step apart, as some are missing, and a new trajectory begins, at line 9
	// logs: bench.csv: column omega is probably in degrees: divided by 57.3 it makes the steps of the log those that the task's formulas predict: divide it by 57.29578, or trust the log (--trust) if it is as the task means it
}
