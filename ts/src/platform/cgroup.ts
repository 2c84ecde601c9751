/** How many processors' time a Linux control group pays for, as in a container with a CPU limit. Of versions 1 and 2; only text is read here. */

/**
 * The least quota of this process's groups and all above them, in processors; null where there is none.
 * @param read gives a file's text, or null where it cannot be read
 */
export function quotaCpus(read: (path: string) => string | null): number | null {
  const quotas: number[] = [];
  // Lines are `number:controllers:path`; version 2 has number 0 and no controllers.
  for (const line of read('/proc/self/cgroup')?.split('\n') ?? []) {
    const [, controllers, group = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) continue;
    for (const folder of upwards(group)) {
      const quota = controllers === '' ? version2(read, folder) : version1(read, controllers, folder);
      if (quota !== null) quotas.push(quota);
    }
  }
  return quotas.length === 0 ? null : Math.min(...quotas);
}

/** A group's folder and those above it, without a slash at the end. Inside a container the path may lead to nowhere: the top is always tried. */
function upwards(group: string): string[] {
  const parts = group.split('/').filter((part) => part !== '');
  return [...parts.keys(), parts.length].map((depth) =>
    parts
      .slice(0, depth)
      .map((part) => `/${part}`)
      .join(''),
  );
}

function version2(read: (path: string) => string | null, folder: string): number | null {
  const [quota, period] = read(`/sys/fs/cgroup${folder}/cpu.max`)?.trim().split(/\s+/) ?? [];
  return cpus(quota, period);
}

function version1(read: (path: string) => string | null, controllers: string, folder: string): number | null {
  if (!controllers.split(',').includes('cpu')) return null;
  const file = (name: string) => read(`/sys/fs/cgroup/${controllers}${folder}/${name}`)?.trim();
  return cpus(file('cpu.cfs_quota_us'), file('cpu.cfs_period_us'));
}

/** `max` and -1 are no quota. */
function cpus(quota: string | undefined, period: string | undefined): number | null {
  const [time, of] = [Number(quota), Number(period)];
  return time > 0 && of > 0 ? time / of : null;
}
