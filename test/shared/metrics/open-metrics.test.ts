import { expect, test } from 'vitest';
import { openMetricsText } from '../../../shared/metrics/open-metrics.ts';

test('families are written as OpenMetrics asks, label values and help escaped', () => {
  const text = openMetricsText([
    {
      name: 'a_joules',
      type: 'counter',
      unit: 'joules',
      help: 'One\nline \\ "quoted"',
      samples: [{ labels: { node: 'a"b\\c\nd', device_type: 'gpu' }, value: 0.5, createdMs: 1_500 }],
    },
    { name: 'b', type: 'gauge', help: 'B', samples: [{ labels: {}, value: 0 }] },
    { name: 'c', type: 'info', help: 'C', samples: [{ labels: { version: '1' }, value: 1 }] },
  ]);
  expect(text.split('\n')).toEqual([
    '# TYPE a_joules counter',
    '# UNIT a_joules joules',
    '# HELP a_joules One\\nline \\\\ \\"quoted\\"',
    'a_joules_total{node="a\\"b\\\\c\\nd",device_type="gpu"} 0.5',
    'a_joules_created{node="a\\"b\\\\c\\nd",device_type="gpu"} 1.5',
    '# TYPE b gauge',
    '# HELP b B',
    'b 0',
    '# TYPE c info',
    '# HELP c C',
    'c_info{version="1"} 1',
    '# EOF',
    '',
  ]);
});

test('a name that does not end with its unit, or is no name, is refused', () => {
  const family = { type: 'gauge', help: '', samples: [] } as const;
  expect(() => openMetricsText([{ ...family, name: 'energy', unit: 'joules' }])).toThrow(/energy/);
  expect(() => openMetricsText([{ ...family, name: 'Energy total' }])).toThrow(RangeError);
});
