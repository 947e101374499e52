/** Shapes of the routes of alert channels. */
import { z } from '@hono/zod-openapi';
import { channels } from '../channels/list.ts';
import { isSigningSecret } from '../channels/signing-secret.ts';
import { instantOutput, siteIdInput } from '../http/schemas.ts';
import { DELIVERY_STATES } from '../storage/alert-deliveries.ts';

export const channelIdInput = siteIdInput.openapi({
  description: 'Chosen by you: rules name it in `channelIds`.',
  example: 'ops-slack',
});

const secretInput = z
  .string()
  .refine(isSigningSecret, 'expected "whsec_" and the base64 of 24 to 64 bytes')
  .optional()
  .openapi({ description: 'Your own signing secret; without it one is made.', example: 'whsec_...' });

const enabledInput = z.boolean().openapi({
  description: 'Notifications for a channel that is switched off become dead letters.',
});

const variants = channels.map(({ type, settings, signed }) =>
  z.strictObject({
    id: channelIdInput,
    type: z.literal(type),
    settings,
    enabled: enabledInput.default(true),
    // The others refuse the field; for the type it is one that may be left out anyway.
    ...((signed ? { secret: secretInput } : {}) as { secret: typeof secretInput }),
  }),
);
type Variant = (typeof variants)[number];

export const channelInput = z
  .discriminatedUnion('type', variants as [Variant, ...Variant[]])
  .openapi('AlertChannelInput');

export const channelChangeInput = z
  .strictObject({
    settings: z.record(z.string(), z.unknown()).optional().openapi({
      description: 'All settings of the type anew, as at creation: stored ones are never shown.',
    }),
    enabled: enabledInput.optional(),
    rotateSecret: z.boolean().optional().openapi({
      description:
        'Type `webhook`: makes a new signing secret. For 24 hours messages carry a signature by the one before as well.',
    }),
  })
  .openapi('AlertChannelChange');

export const channelOutput = z
  .object({
    id: z.string(),
    type: z.string().openapi({ example: 'slack' }),
    target: z.string().openapi({
      description: 'Host, or addressees; never the path of a URL, which often is its password.',
      example: 'https://hooks.slack.com/…',
    }),
    enabled: z.boolean(),
    disabledReason: z
      .string()
      .nullable()
      .openapi({ description: 'Why the server switched it off, such as an answer 410.' }),
    previousSecretUntil: instantOutput.nullable(),
    pending: z.number().int().openapi({ description: 'Deliveries that wait for their next attempt.' }),
    dead: z.number().int().openapi({ description: 'Deliveries that were given up.' }),
    createdAt: instantOutput,
    changedAt: instantOutput,
    changedBy: z.string().openapi({ description: 'Id of a token.' }),
  })
  .openapi('AlertChannel');

export const channelWithSecretOutput = channelOutput
  .extend({
    secret: z.string().nullable().openapi({
      description: 'The signing secret where there is a new one: keep it, it is not shown again.',
      example: 'whsec_...',
    }),
  })
  .openapi('AlertChannelWithSecret');

export const testOutput = z
  .object({
    messages: z.array(
      z.object({
        messageId: z.string(),
        status: z.enum(['firing', 'resolved']),
        delivered: z.boolean(),
        httpStatus: z.number().int().nullable(),
        outcome: z.string().openapi({ example: 'HTTP 202' }),
        receiverSaid: z
          .string()
          .nullable()
          .openapi({ description: 'Begin of its answer, as one line of at most 500 characters.' }),
      }),
    ),
  })
  .openapi('AlertChannelTest');

export const deliveryStateInput = z.enum(DELIVERY_STATES).default('dead').openapi({
  description: '`pending`: waits for its next attempt; `dead`: given up after the last, or never possible.',
});

export const deliveryOutput = z
  .object({
    id: z.number().int(),
    notificationId: z.string().openapi({ description: 'The same in every attempt.' }),
    episodeId: z.string(),
    summary: z.string(),
    state: z.enum(DELIVERY_STATES),
    attempts: z.number().int(),
    enqueuedAt: instantOutput,
    lastAttemptAt: instantOutput.nullable(),
    nextAttemptAt: instantOutput.nullable().openapi({ description: 'Null unless it is pending.' }),
    finishedAt: instantOutput.nullable(),
    lastStatus: z
      .number()
      .int()
      .nullable()
      .openapi({ description: 'HTTP status; null where no answer came.' }),
    lastOutcome: z.string().nullable().openapi({ example: 'no answer within 15 seconds' }),
  })
  .openapi('AlertDelivery');
