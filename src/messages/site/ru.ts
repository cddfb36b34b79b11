/** The built-in pages in Russian. */
import { counter } from '../format.ts'
import type { ProblemCode } from '../messages.ts'
import type { SiteMessages } from './site.ts'

const counted = counter('ru')
const close = 'Страницу можно закрыть.'
const notWhole = {
  title: 'Ссылка неполная',
  text: 'Откройте её из письма ещё раз. Если вы её копировали, скопируйте целиком.',
}
const later = {
  title: 'Сейчас это не работает',
  text: 'Ничего не потеряно. Подождите минуту и попробуйте ещё раз.',
}
const notSent = {
  title: 'Форма дошла не полностью',
  text: 'Вернитесь, заполните её снова и отправьте ещё раз.',
}

export const siteRu: SiteMessages<ProblemCode> = {
  fields: {
    email: 'Адрес почты',
    emailWrong: {
      title: 'Это не адрес почты',
      text: 'Проверьте его и отправьте форму ещё раз.',
    },
    password: 'Пароль',
    newPassword: 'Новый пароль',
    again: 'Тот же пароль ещё раз',
    hint: (min) =>
      `Не меньше ${counted(min, 'символа', 'символов')}. Лучше всего несколько слов, которые рядом поставите только вы.`,
  },
  verifyEmail: {
    title: 'Подтвердите адрес почты',
    text: 'Нажмите кнопку, чтобы подтвердить, что этот адрес ваш.',
    button: 'Подтвердить адрес',
    done: { title: 'Адрес подтверждён', text: close },
  },
  resetPassword: {
    title: 'Придумайте новый пароль',
    text: 'Все ваши сеансы завершатся, и вы войдёте с новым паролем.',
    button: 'Задать новый пароль',
    done: {
      title: 'Новый пароль действует',
      text: `Все ваши сеансы завершены. Войдите с новым паролем. ${close}`,
    },
    differ: { title: 'Пароли не совпадают', text: 'Введите один и тот же пароль дважды.' },
  },
  forgotPassword: {
    title: 'Забыли пароль?',
    text: 'Укажите адрес вашей учётной записи. На него придёт ссылка для нового пароля.',
    button: 'Прислать ссылку',
    done: {
      title: 'Проверьте почту',
      text: 'Если у этого адреса есть учётная запись, ссылка уже отправлена. Она действует десять минут и только один раз.',
    },
    offer: 'Запросить новую ссылку',
  },
  invitation: {
    title: (organization) =>
      organization === undefined ? 'Вас приглашают' : `Вас приглашают в «${organization}»`,
    text: (email) => `Приглашение выписано на адрес ${email}.`,
    member: {
      title: 'Если у вас есть учётная запись',
      text: 'Введите её пароль, и вы в организации.',
      button: 'Войти и присоединиться',
    },
    newcomer: {
      title: 'Если вы здесь впервые',
      text: 'Придумайте пароль. Учётная запись будет создана, и вы в организации.',
      button: 'Создать учётную запись и присоединиться',
    },
    hasAccount: {
      title: 'У этого адреса есть учётная запись',
      text: 'Введите её пароль.',
    },
    done: (organization) => ({
      title:
        organization === undefined ? 'Вы присоединились' : `Вы присоединились к «${organization}»`,
      text: close,
    }),
  },
  telegramStart: {
    title: 'Вход через Telegram',
    text: 'Нажмите кнопку Telegram. Когда он вас узнает, вы вернётесь сюда.',
    withoutScript:
      'Кнопке Telegram нужен JavaScript. Включите его для этой страницы или напишите боту в Telegram.',
  },
  telegram: {
    title: 'Войти?',
    text: (username) =>
      username === undefined
        ? 'Telegram сообщил нам, кто вы. Нажмите кнопку, если только что входили там.'
        : `Telegram сообщил, что вы @${username}. Если это так, нажмите кнопку.`,
    button: 'Войти',
    done: {
      title: 'Вы вошли',
      text: 'Пользуйтесь своей учётной записью в Telegram или из своих программ.',
    },
    over: {
      title: 'Этот вход больше не действует',
      text: 'Завершить его надо за минуту, и только один раз.',
    },
    again: 'Войти ещё раз',
    next: {
      title: 'Для ваших программ',
      text: 'У кого есть эти токены, тот действует от вашего имени. Больше они не покажутся.',
    },
    accessToken: (minutes) => `Токен доступа, срок ${minutes} мин`,
    refreshToken: (days) => `Токен обновления, срок ${days} дн.`,
  },
  problems: {
    invalid_input: notWhole,
    malformed_body: notSent,
    unsupported_media_type: notSent,
    body_too_large: notSent,
    token_unusable: {
      title: 'Ссылка больше не действует',
      text: 'Её срок истёк, или она уже использована.',
    },
    invitation_unusable: {
      title: 'Приглашение больше не действует',
      text: 'Срок истёк, оно использовано, отозвано или выписано на другой адрес. Попросите новое.',
    },
    forbidden: {
      title: 'Форма отправлена с другой страницы',
      text: 'Ничего не изменилось. Откройте ссылку из письма ещё раз.',
    },
    rate_limited: {
      title: 'Слишком много попыток',
      text: 'Подождите несколько минут и попробуйте ещё раз.',
    },
    policy_denied: { title: 'Это запрещено', text: 'Обратитесь к администратору сервиса.' },
    unavailable: later,
    stopping: later,
    stream_busy: later,
    internal: {
      title: 'У нас что-то сломалось',
      text: 'Вы ни при чём. Попробуйте позже; если не пройдёт, сообщите администратору сервиса.',
    },
  },
  problemCode: 'Для поддержки',
}
