package tenant

import "github.com/prometheus/client_golang/prometheus"

type meters struct {
	authentications *prometheus.CounterVec // by outcome
	accepted        prometheus.Counter     // of authentications
	loads           *prometheus.CounterVec // by what
}

func newMeters(reg prometheus.Registerer) (*meters, error) {
	m := &meters{
		authentications: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_key_authentications_total",
			Help: "API keys that were shown: accepted, unknown (also expired or revoked), suspended (of a suspended tenant), or forged (never given out here).",
		}, []string{"outcome"}),
		loads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_directory_loads_total",
			Help: "Reads of keys and tenants that were not in memory.",
		}, []string{"what"}),
	}
	m.accepted = m.authentications.WithLabelValues("accepted")
	for _, c := range []prometheus.Collector{m.authentications, m.loads} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
