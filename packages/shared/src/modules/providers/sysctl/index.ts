export { assignSetting, persistSetting, readSetting, readSettingsFile, SETTINGS_FILE } from './access.ts';
export { findSetting, settingName, settingValue, writeSetting } from './settings.ts';
