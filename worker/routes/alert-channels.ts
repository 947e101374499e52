import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { alertTargetsAllowLoopback, publicUrl } from '../env.ts';
import type { App, AppEnv } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantOrNull } from '../http/schemas.ts';
import {
  type ChannelView,
  type ChannelWithSecret,
  changeChannel,
  createChannel,
  getChannel,
  getChannels,
  removeChannel,
} from '../use-cases/channels/channels.ts';
import { testChannel } from '../use-cases/channels/test-channel.ts';
import {
  channelChangeInput,
  channelIdInput,
  channelInput,
  channelOutput,
  channelWithSecretOutput,
  testOutput,
} from './alert-channel-schemas.ts';

const tags = ['Alert channels'];
const params = z.object({ id: channelIdInput });
const json = <Schema extends z.ZodType>(schema: Schema) => ({ 'application/json': { schema } });

const listRoute = createRoute({
  method: 'get',
  path: '/v1/alert-channels',
  tags,
  summary: 'List the alert channels, without their secrets',
  ...requireScope('admin'),
  responses: {
    200: {
      description: 'All of them, by id; there are at most 50',
      content: json(z.object({ alertChannels: z.array(channelOutput) })),
    },
  },
});

const getRoute = createRoute({
  method: 'get',
  path: '/v1/alert-channels/{id}',
  tags,
  summary: 'One alert channel, without its secrets',
  ...requireScope('admin'),
  request: { params },
  responses: { 200: { description: 'The channel', content: json(channelOutput) }, ...problems('not_found') },
});

const createChannelRoute = createRoute({
  method: 'post',
  path: '/v1/alert-channels',
  tags,
  summary: 'Create an alert channel',
  description:
    'Targets are https on port 443 of public names. What is secret in the settings is not shown again; a `webhook` signs by the Standard Webhooks specification, and this answer is the only place where its secret appears.',
  ...requireScope('admin'),
  request: { body: { required: true, content: json(channelInput) } },
  responses: {
    201: { description: 'Created', content: json(channelWithSecretOutput) },
    ...problems('already_exists', 'in_use'),
  },
});

const changeRoute = createRoute({
  method: 'patch',
  path: '/v1/alert-channels/{id}',
  tags,
  summary: 'Change an alert channel, switch it, or rotate its secret',
  ...requireScope('admin'),
  request: { params, body: { required: true, content: json(channelChangeInput) } },
  responses: {
    200: { description: 'As it is now', content: json(channelWithSecretOutput) },
    ...problems('not_found'),
  },
});

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/alert-channels/{id}',
  tags,
  summary: 'Delete an alert channel with its deliveries',
  description: 'Refused while alert rules name it.',
  ...requireScope('admin'),
  request: { params },
  responses: { 204: { description: 'Deleted' }, ...problems('not_found', 'in_use') },
});

const testRoute = createRoute({
  method: 'post',
  path: '/v1/alert-channels/{id}/test',
  tags,
  summary: 'Send a test message now',
  description:
    'Sends a firing message and, where the receiver takes it, its resolution, at once and once. A channel that is switched off is tested as well.',
  ...requireScope('admin'),
  request: { params },
  responses: {
    200: { description: 'What the receiver said to each', content: json(testOutput) },
    ...problems('not_found'),
  },
});

export function registerAlertChannels(app: App): void {
  app.openapi(listRoute, async (context) =>
    context.json({ alertChannels: (await getChannels(context.var.shards.main)).map(channelReply) }, 200),
  );

  app.openapi(getRoute, async (context) => {
    const found = await getChannel(context.var.shards.main, context.req.valid('param').id);
    if (!found.ok) return problemResponse(context, found.problem);
    return context.json(channelReply(found.value), 200);
  });

  app.openapi(createChannelRoute, async (context) => {
    const created = await createChannel(context.req.valid('json'), dependenciesOf(context));
    if (!created.ok) return problemResponse(context, created.problem);
    return context.json(withSecret(created.value), 201);
  });

  app.openapi(changeRoute, async (context) => {
    const { id } = context.req.valid('param');
    const changed = await changeChannel(id, context.req.valid('json'), dependenciesOf(context));
    if (!changed.ok) return problemResponse(context, changed.problem);
    return context.json(withSecret(changed.value), 200);
  });

  app.openapi(deleteRoute, async (context) => {
    const removed = await removeChannel(context.var.shards.main, context.req.valid('param').id);
    if (!removed.ok) return problemResponse(context, removed.problem);
    return context.body(null, 204);
  });

  app.openapi(testRoute, async (context) => {
    const { env, var: variables } = context;
    const tested = await testChannel(variables.shards.main, context.req.valid('param').id, {
      fetch: (input, init) => fetch(input, init),
      email: env.EMAIL,
      allowLoopback: alertTargetsAllowLoopback(env),
      publicUrl: publicUrl(env),
      nowMs: variables.nowMs,
    });
    if (!tested.ok) return problemResponse(context, tested.problem);
    return context.json({ messages: [...tested.value] }, 200);
  });
}

function dependenciesOf({ env, var: { shards, nowMs, caller } }: Context<AppEnv>) {
  return {
    db: shards.main,
    hasEmail: env.EMAIL !== undefined,
    allowLoopback: alertTargetsAllowLoopback(env),
    nowMs,
    by: caller.tokenId,
  };
}

function channelReply({ createdAtMs, changedAtMs, previousSecretUntilMs, ...view }: ChannelView) {
  return {
    ...view,
    previousSecretUntil: instantOrNull(previousSecretUntilMs),
    createdAt: instant(createdAtMs),
    changedAt: instant(changedAtMs),
  };
}

const withSecret = ({ secret, ...view }: ChannelWithSecret) => ({ ...channelReply(view), secret });
