import type { AlertNotification } from '../../../shared/alerts/notification.ts';

/** One episode's firing (or whatever `wanted` says), as the evaluation tells it. */
export function notification(wanted: Partial<AlertNotification> = {}): AlertNotification {
  const episodeId = wanted.episodeId ?? 'ep_00112233445566aa';
  const status = wanted.status ?? 'firing';
  return {
    id: `${episodeId}:${status}`,
    episodeId,
    ruleId: 'rule-1',
    ruleName: 'dirty hours in Berlin',
    severity: 'warning',
    status,
    startsAtMs: Date.UTC(2026, 0, 5, 17),
    endsAtMs: status === 'firing' ? null : Date.UTC(2026, 0, 5, 19),
    groupKey: 'rule-1:DE',
    summary: '12 nodes draw 84 kW while DE is at 512 gCO2eq/kWh',
    text: 'The usual is 340.\nPausing until 22:00 would save 61 kg.',
    fields: { gridZone: 'DE', powerWatts: 84_000, intensityGramsPerKwh: 512, forecastEndMs: null },
    links: [{ label: 'Emissions of this scope', href: 'https://wattshed.example.org/#fleet' }],
    channelIds: ['one'],
    ...wanted,
  };
}
