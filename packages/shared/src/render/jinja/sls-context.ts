/**
 * The names Salt derives from an SLS name and the path of its file (Salt 3006 utils/templates.py): `slspath` is the
 * directory of the SLS, `tplfile` the file below its root, `tpldir` that file's directory.
 */
export function slsContext(path: string, sls: string): Map<string, string> {
  const names = new Map<string, string>();
  const file = path.replaceAll('\\', '/');
  const asPath = sls.replaceAll('.', '/');
  let template = file;
  if (file.endsWith(`${asPath}.sls`)) template = `${asPath}.sls`;
  else if (file.endsWith(`${asPath}/init.sls`)) template = `${asPath}/init.sls`;
  const dir = template.includes('/') ? template.slice(0, template.lastIndexOf('/')) : '';
  const tpldir = dir === '' ? '.' : dir;
  names.set('tplpath', path).set('tplfile', template).set('tpldir', tpldir).set('tpldot', dir.replaceAll('/', '.'));
  const isInit = template.endsWith('/init.sls');
  const slspath = isInit ? asPath : asPath.includes('/') ? asPath.slice(0, asPath.lastIndexOf('/')) : '';
  names.set('sls', sls).set('slspath', slspath);
  names.set('slsdotpath', slspath.replaceAll('/', '.')).set('slscolonpath', slspath.replaceAll('/', ':'));
  names.set('sls_path', slspath.replaceAll('/', '_'));
  return names;
}
